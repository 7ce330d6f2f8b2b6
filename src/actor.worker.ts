// Runs first in an actor's thread: imports the graph, and runs the instance that the main thread names.

import { systemClock } from "./base/clock.ts";
import { collectStartGarbage } from "./base/start-garbage.ts";
import { builtInGraphs } from "./built-in-graphs.ts";
import { withPlainServerErrors } from "./plain-server-errors.ts";
import { Instance } from "./sdk/run-instance.ts";
import { installSdkModules } from "./sdk-modules.ts";
import { importService } from "./serve/import-service.ts";
import type { ThreadData } from "./serve/service-specs.ts";
import { enterActorThread } from "./transport/thread/actor-thread.ts";
import { ThreadDialer } from "./transport/thread/dialer.ts";
import { spawnSideThread } from "./worker-entries.ts";

const servers = withPlainServerErrors();
installSdkModules();
enterActorThread(async (scope) => {
  const { source, init } = scope.init.data as ThreadData; // service-specs.ts gives nothing else
  const service = await importService(init.service, source, builtInGraphs);
  const instance = new Instance({
    scope,
    service,
    init,
    clock: systemClock,
    random: Math.random,
    dialer: (control) => new ThreadDialer({ control, clock: systemClock }),
    sideThread: spawnSideThread,
    findDoor: () => (servers[0] === undefined ? undefined : { url: servers[0] }),
  });
  await instance.start();
  collectStartGarbage(systemClock);
});
