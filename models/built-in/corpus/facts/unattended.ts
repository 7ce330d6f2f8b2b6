import type { Fact } from "../fact.ts";

/** A server that nobody watches, and what surrounds it. */
export const UNATTENDED: readonly Fact[] = [
  {
    id: "serve-short",
    answer:
      "`dynamo serve` without a graph serves the built-in model; `dynamo DIR`, `dynamo FILE.gguf` or `dynamo ORG/REPO` serves yours. `dynamo serve agg_router` takes another graph.",
    must: ["dynamo serve", "dynamo DIR"],
    how: [
      "serve [without a graph|with the shortest command]",
      "serve a GGUF file with one word",
      "use a short name of a graph",
    ],
    what: ["the short form of serve", "dynamo serve without a graph", "short names of graphs"],
    key: ["dynamo serve short", "dynamo DIR", "dynamo model.gguf", "shortest command"],
    heldOut: "Is there a shorter way to type it than graph, colon, entry and file?",
  },
  {
    id: "systemd",
    answer:
      "`dynamo systemd-unit` prints a unit file: write it to `/etc/systemd/system/dynamo.service`, then `systemctl enable dynamo`. See `docs/operations.md`.",
    must: ["dynamo systemd-unit"],
    how: [
      "[run|start|install] [it|dynamo] [as a service|with systemd|at boot|as a daemon]",
      "make a systemd unit",
      "start it with the machine",
      "restart it after a crash",
    ],
    what: ["a systemd unit", "dynamo systemd-unit", "a systemd service"],
    key: ["systemd", "systemd unit", "start at boot", "daemon", "service file", "systemctl"],
    heldOut: "The server should come up when the machine boots. What do I do?",
  },
  {
    id: "pack",
    answer:
      "`dynamo pack MODEL OUT` makes an image: a directory with packed weights and tokenizer that is served alone and without packing, by `--model OUT`.",
    must: ["dynamo pack"],
    how: [
      "[make|build|ship] an image of a model",
      "pack a model",
      "[ship|copy] packed weights to another machine",
    ],
    what: ["dynamo pack", "an image", "a packed image", "the command dynamo pack"],
    key: ["dynamo pack", "packed image", "pack model", "ship weights"],
    heldOut: "I want to prepare a model once and copy it to ten boxes. Which command?",
  },
  {
    id: "memory-limit",
    answer:
      "Set `--VllmWorker.memory-limit=2GB`: what the whole process may fill. Without it, the limit of the control group counts.",
    must: ["--VllmWorker.memory-limit"],
    how: [
      "[limit|cap|bound|restrict] the memory [of dynamo|of the process|]",
      "keep it below 4 GB",
      "run it in a small container",
    ],
    what: ["memory-limit", "the memory limit", "a limit of memory"],
    key: ["memory-limit", "limit memory", "RAM limit", "cgroup memory"],
    heldOut: "It may use two gigabytes and no more. Which key?",
  },
  {
    id: "map-weights",
    answer:
      "`--VllmWorker.map-weights=true` maps packed weights instead of reading them: for a model near the size of memory. Several processes then share them.",
    must: ["map-weights"],
    how: [
      "[map|mmap] the weights",
      "serve a model near the size of memory",
      "share weights between processes",
    ],
    what: ["map-weights", "mapped weights", "mmap"],
    key: ["map-weights", "mmap", "mapped weights"],
    heldOut: "The weights nearly fill my RAM. Can they stay in the file?",
  },
  {
    id: "drain-timeout",
    answer:
      "`--drain-timeout SECONDS` says how long running answers may go on after Ctrl-C: 30 seconds by default.",
    must: ["--drain-timeout"],
    how: [
      "[change|set|lengthen|shorten] the [drain|drain timeout|grace period]",
      "[shut down|stop] gracefully",
    ],
    what: ["--drain-timeout", "the drain timeout", "a graceful shutdown", "draining"],
    key: ["drain-timeout", "graceful shutdown", "grace period", "drain"],
    heldOut: "Long answers are cut when I stop the server. How do I give them more time?",
  },
  {
    id: "migration",
    answer:
      "A sequence whose worker ends migrates to another worker and goes on there with the same text. `migration-limit` bounds how often; 0 turns it off.",
    must: ["migrates", "migration-limit"],
    how: ["[turn off|limit|disable] migration", "[move|migrate] requests to another worker"],
    what: ["migration", "migration-limit", "a migrated sequence"],
    key: ["migration", "migration-limit", "request migration", "failover"],
    heldOut: "A worker dies in the middle of an answer. Does the client notice?",
  },
  {
    id: "log-level",
    answer:
      "`--log-level debug` or `info`, `warn`, `error`; `--log-format json` writes JSON lines. One service alone: `log-level` in its `ServiceArgs`.",
    must: ["--log-level"],
    how: [
      "[change|set|raise|lower] the log level",
      "[get|write] JSON logs",
      "make the log [more verbose|quieter]",
      "[get|see|turn on] debug output",
    ],
    what: ["--log-level", "the log level", "--log-format", "JSON logs"],
    key: ["log level", "--log-level", "verbose", "quiet", "json logs", "debug output"],
    heldOut: "I want to see more of what it does inside. Which flag?",
  },
  {
    id: "log-file",
    answer:
      "The log goes to stderr; there is no log file. Redirect it (`2>dynamo.log`), or leave it to systemd's journal.",
    must: ["stderr", "no log file"],
    how: [
      "[write|save|send|redirect] the log to a file",
      "[find|read|see] the [log|logs]",
      "rotate logs",
    ],
    what: ["the log file", "log files", "the log"],
    key: ["log file", "log rotation", "where are logs", "stderr"],
    heldOut: "It runs on a server. In which file do I look for its messages?",
  },
  {
    id: "init",
    answer:
      '`dynamo init DIR` writes a graph, its YAML, a tsconfig.json and the types of "dynamo", so that an editor underlines mistakes.',
    must: ["dynamo init"],
    how: [
      "[start|create|begin|set up] a [new|] project [of my own|]",
      "get types for my editor",
      "make a template for services",
    ],
    what: ["dynamo init", "the command dynamo init", "a new project"],
    key: ["dynamo init", "new project", "scaffold", "editor types", "tsconfig"],
    heldOut:
      "I have only the executable and want completions in my editor for my own graph. Which command?",
  },
  {
    id: "heartbeat",
    answer:
      "An instance that answers nothing for `heartbeat-timeout-ms` (10000, in `ServiceArgs`) hangs: it is killed and started again.",
    must: ["heartbeat-timeout-ms"],
    how: [
      "[change|set|turn off] the heartbeat",
      "notice a service that hangs",
      "stop it from killing my slow service",
    ],
    what: ["heartbeat-timeout-ms", "the heartbeat", "a hung instance"],
    key: ["heartbeat", "heartbeat-timeout-ms", "hung service", "instance hangs"],
    heldOut: "My service computes for twenty seconds in one go and gets killed. Which key?",
  },
  {
    id: "max-restarts",
    answer:
      "An instance that fails more than `max-restarts` times in `restart-period-ms` is parked and started again a little later. Nothing gives up.",
    must: ["max-restarts", "parked"],
    how: ["[limit|change|bound] [the restarts|how often a service restarts]"],
    what: ["max-restarts", "a parked instance", "the restart budget", "restart-period-ms"],
    key: ["max-restarts", "parked instance", "restart budget", "crash loop"],
    heldOut: "A worker crashes again and again. Does the deployment give up at some point?",
  },
  {
    id: "several-models",
    answer:
      "A Processor for each model, in one process: the graph `two_models` shows it. `model` in the request chooses.",
    must: ["two_models"],
    how: ["serve [two|several|more than one|many] models [at once|in one process|together|]"],
    what: ["several models", "two models in one process", "the graph two_models"],
    key: ["two models", "several models", "multi model", "two_models"],
    heldOut: "Can one server answer with a small and a large model, as the client wishes?",
  },
  {
    id: "chat-backend",
    answer:
      "Write a class that extends `ChatBackend` and link it between Frontend and Processor: `docs/tutorial.md` has an example that runs.",
    must: ["ChatBackend"],
    how: [
      "[put|write|add] a service [of mine|] between Frontend and Processor",
      "[change|rewrite|filter] requests before the model",
      "add middleware",
    ],
    what: ["ChatBackend", "a service between Frontend and Processor"],
    key: ["ChatBackend", "middleware", "service in front of processor", "rewrite requests"],
    heldOut: "I want to change each chat before the model sees it. Which class?",
  },
  {
    id: "scripted",
    answer:
      "`engine: scripted` plays the answers of a file, token by token: a fake server for testing clients. See `docs/scripted.md`.",
    must: ["scripted"],
    how: [
      "[test|try] [my client|a gateway|an agent] without a model",
      "play [fixed|given] answers",
      "fake a model",
    ],
    what: ["the scripted engine", "engine: scripted", "a fake vLLM", "scripted answers"],
    key: ["scripted engine", "fake vllm", "fixed answers", "test client without model"],
    heldOut: "My tests need exact answers, no luck of a model. Which engine?",
  },
  {
    id: "gpu-device",
    answer:
      "The key `device` of VllmWorker is `auto`, `cpu` or `cuda`; `docs` says what an NVIDIA GPU can do so far. The CPU is enough.",
    must: ["cuda", "CPU"],
    how: [
      "[use|choose|enable] [a GPU|my GPU|CUDA|an NVIDIA card]",
      "run on a GPU",
      "choose the device",
    ],
    what: ["the device key", "CUDA", "the CUDA engine", "GPUs"],
    key: ["cuda", "gpu", "device", "nvidia gpu", "device cuda"],
    heldOut: "There is an NVIDIA card in this box. Which key would pick it?",
  },
  {
    id: "arm",
    answer:
      "dynamo runs on 64-bit ARM too: `npm run build -- --target linux-arm64`. `linux-x64-musl` is for distributions with musl.",
    must: ["linux-arm64"],
    how: [
      "[build|compile] for [ARM|arm64|a Raspberry Pi|Alpine|musl]",
      "run it on [a Raspberry Pi|ARM|Graviton|Alpine]",
    ],
    what: ["ARM", "the target linux-arm64", "musl", "a Raspberry Pi"],
    key: ["arm64", "raspberry pi", "aarch64", "musl alpine", "build target"],
    heldOut: "My server has a Graviton CPU. Which build is for it?",
  },
];
