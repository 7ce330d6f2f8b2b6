// What people say before they ask: a sentence that has nothing to do with the answer.

import { capitalize, write } from "./pattern.ts";
import type { Random } from "./random.ts";

const CONTEXTS: readonly string[] = [
  "I'm [evaluating|looking at|trying out|testing] [this|dynamo] for [our team|my company|a client|a small project|my thesis].",
  "We [use|run|have] [vLLM|ollama|Kubernetes|llama.cpp|SGLang|Triton|TGI] [at work|today|in production|right now].",
  "I [come|am coming] from [vLLM|ollama|llama.cpp|Kubernetes|SGLang|TensorRT-LLM|LM Studio].",
  "I have a [small|big|spare|rented|cloud] [server|machine|box|VM] with [4|8|16|32|64] [cores|GB of memory|CPUs].",
  "I'm [new to|a newcomer to|not used to] [this|LLM serving|inference servers|TypeScript|the command line].",
  "I've been [at this|reading the docs|trying this|searching] for [an hour|two hours|a while|all day].",
  "I [read|skimmed] the [README|guide|docs|tutorial] [yesterday|but may have missed it|already|twice].",
  "My [boss|colleague|team lead|friend|customer|student|professor] [asked me|wants to know|is asking|keeps asking].",
  "We have [a demo|a launch|a review|an audit] [tomorrow|next week|on Monday].",
  "It is [late|Friday evening|3 am] and I'm on call.",
  "I installed dynamo [yesterday|an hour ago|last week|this morning].",
  "dynamo is [up and running|running|installed] [on my laptop|on a VPS|here|on our server].",
  "Everything [works|runs] so far.",
  "So far so good.",
  "The [first|demo] request [worked|went through].",
  "I got it [running|to work] [on Ubuntu|on Debian|on my workstation|yesterday].",
  "I'm writing [a script|a wrapper|a client|an internal guide|a blog post|a small web app].",
  "I'm preparing [a talk|a slide|a course|a demo] about [dynamo|inference|LLM serving].",
  "We want to [deploy|use|ship] this [soon|next month|in production].",
  "Something is [odd|strange|not right] here.",
  "I think I [broke|misunderstood|missed] something.",
  "I'm [stuck|a bit lost|confused|puzzled].",
  "This may be a [silly|basic|dumb|simple] question.",
  "[Sorry|Apologies] [for the basic question|if this was asked before|to bother you].",
  "I know [a bit of|some|a little] [Python|TypeScript|Linux|Docker|machine learning].",
  "I'm [an ops person|a backend developer|a student|a data scientist|a sysadmin|a researcher|a hobbyist].",
  "There are [two|three|five|ten] of us [using|sharing] [it|this server|the machine].",
  "We serve about [ten|a hundred|a thousand] [users|requests a day|people].",
  "I [love|like] [it|the project|this tool] so far.",
  "Thanks for [the help|the last answer|being here].",
  "Good [question|point] from my colleague today.",
  "Let me [ask|try] [something else|another thing|one more].",
  "Here is my [question|problem|situation].",
  "One thing is unclear to me.",
  "I [could not|couldn't] find this in the [docs|README|guide].",
  "The docs are [a bit long|long] and I'm in a hurry.",
  "I have the agg graph [running|up] [with two workers|here|].",
  "We've got [Frontend, Processor and VllmWorker|the guide's example|the built-in model] running.",
  "I have [cloned|built] the repository [already|].",
  "I'm on [Ubuntu 22.04|Debian 12|Fedora|Arch|a fresh VM|WSL].",
  "I'm using the [openai Python package|curl|a web client|Open WebUI].",
  "Suppose I'm [a user|a beginner|an admin].",
  "Imagine [a busy day|a small team|many users at once].",
  "I changed [a few things|the config|some settings] [yesterday|today|].",
  "Before I [go live|continue|start|file a bug]:",
  "Just to be [sure|clear|safe]:",
  "For [my notes|the record|our wiki|a colleague]:",
  "Quick [one|check|sanity check]:",
];

/** The question, now and then with something said before it. */
export function inContext(question: string, random: Random): string {
  if (!random.chance(0.13)) return question;
  const before = write(random.pick(CONTEXTS), random);
  return `${before} ${random.chance(0.8) ? capitalize(question) : question}`;
}
