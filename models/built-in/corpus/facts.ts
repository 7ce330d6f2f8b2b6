// All facts that the built-in model knows. Whoever adds a feature adds its facts in facts/.

import type { Fact } from "./fact.ts";
import { ACCESS } from "./facts/access.ts";
import { AGENTS } from "./facts/agents.ts";
import { API } from "./facts/api.ts";
import { CONFIGURATION } from "./facts/configuration.ts";
import { FAILURES } from "./facts/failures.ts";
import { GRAPHS } from "./facts/graphs.ts";
import { HUB } from "./facts/hub.ts";
import { INSIDE } from "./facts/inside.ts";
import { MODEL } from "./facts/model.ts";
import { OPERATION } from "./facts/operation.ts";
import { ROUTING } from "./facts/routing.ts";
import { SERVING } from "./facts/serving.ts";
import { UNATTENDED } from "./facts/unattended.ts";

export const FACTS: readonly Fact[] = [
  ...SERVING,
  ...CONFIGURATION,
  ...GRAPHS,
  ...API,
  ...INSIDE,
  ...MODEL,
  ...ROUTING,
  ...OPERATION,
  ...ACCESS,
  ...HUB,
  ...AGENTS,
  ...UNATTENDED,
  ...FAILURES,
];
