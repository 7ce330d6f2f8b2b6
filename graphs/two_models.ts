// graphs/two_models.ts: two models in one process. The `model` of a request chooses, and each name is in /v1/models.
import { graph } from "dynamo";
import { Frontend, Processor, VllmWorker } from "dynamo/components";

export class Chat extends Processor {}
export class ChatWorker extends VllmWorker {}
export class Code extends Processor {}
export class CodeWorker extends VllmWorker {}

export default graph(Frontend.link(Chat).link(ChatWorker), Frontend.link(Code).link(CodeWorker));
