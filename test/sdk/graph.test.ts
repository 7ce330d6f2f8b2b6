import { describe, expect, test } from "bun:test";
import * as v from "valibot";

import { describeService, isServiceClass } from "../../src/sdk/describe.ts";
import { configured, depends, type Graph, graph, Service } from "../../src/sdk/index.ts";
import { unlinkedDependencies } from "../../src/sdk/unlinked.ts";

class Worker extends Service {
  #worker = true;
  isWorker() {
    return this.#worker;
  }
}
class FastWorker extends Worker {
  isFast() {
    return true;
  }
}
class Router extends Service {
  worker = depends(Worker);
  #router = true;
  route() {
    return this.#router;
  }
}
class Processor extends Service {
  router = depends(Router);
  worker = depends(Worker);
  #processor = true;
  process() {
    return this.#processor;
  }
}
class Frontend extends Service {
  processor = depends(Processor);
  #frontend = true;
  isFrontend() {
    return this.#frontend;
  }
}

/** Service to its edges, in the order to start in. */
function shape(of: Graph) {
  return of.services.map(({ name, edges }) => {
    return [
      name,
      Object.fromEntries([...edges].map(([field, names]) => [field, names.join(" and ")])),
    ];
  });
}

describe("link", () => {
  test("goes on from the service that it linked", () => {
    expect(shape(Frontend.link(Processor).link(Worker))).toEqual([
      ["Worker", {}],
      ["Processor", { worker: "Worker" }],
      ["Frontend", { processor: "Processor" }],
    ]);
  });

  test("leaves a declared dependency without an edge unbound", () => {
    const [, , processor] = Frontend.link(Processor).link(Router).link(Worker).services;
    expect(processor?.name).toBe("Processor");
    expect([...(processor?.edges ?? [])]).toEqual([["router", ["Router"]]]);
  });

  test("gives a new graph and leaves the old one alone", () => {
    const short = Frontend.link(Processor);
    short.link(Router);
    short.link(Worker);
    expect(shape(short).map(([name]) => name)).toEqual(["Processor", "Frontend"]);
  });

  test("takes a subclass for a declared class", () => {
    expect(shape(Router.link(FastWorker))).toEqual([
      ["FastWorker", {}],
      ["Router", { worker: "FastWorker" }],
    ]);
  });

  test("refuses what is not declared, and says what is", () => {
    // @ts-expect-error also a compile error
    expect(() => Frontend.link(Worker)).toThrow(
      "Frontend does not depend on Worker: it declares processor (Processor)",
    );
    // @ts-expect-error also a compile error
    expect(() => Worker.link(Frontend)).toThrow("it declares no dependencies");
    // @ts-expect-error also a compile error
    expect(() => Frontend.link("Processor")).toThrow("takes a service");
  });

  test("refuses a service that fits two dependencies", () => {
    abstract class Base extends Worker {}
    class Fits extends Base {}
    class Two extends Service {
      one = depends(Worker);
      other = depends(Base);
    }
    expect(() => Two.link(Fits)).toThrow(
      "Fits fits several dependencies of Two: one (Worker), other (Base)",
    );
    expect(shape(Two.link(Worker)).at(-1)).toEqual(["Two", { one: "Worker" }]);
  });

  test("binds both fields that declare the same class", () => {
    class Pair extends Service {
      left = depends(Worker);
      right = depends(Worker);
    }
    expect(shape(Pair.link(FastWorker)).at(-1)).toEqual([
      "Pair",
      { left: "FastWorker", right: "FastWorker" },
    ]);
  });
});

describe("several", () => {
  class Hub extends Service {
    workers = depends(Worker, "several");
    router = depends(Router, "optional");
  }
  class OtherWorker extends Worker {}

  test("services are linked to a field that takes several, in the order of the links", () => {
    const both = graph(Hub.link(OtherWorker), Hub.link(FastWorker), Hub.link(OtherWorker));
    expect(shape(both).at(-1)).toEqual(["Hub", { workers: "OtherWorker and FastWorker" }]);
  });

  test("are refused by a field that takes one", () => {
    expect(() => graph(Router.link(FastWorker), Router.link(OtherWorker))).toThrow(
      'Router.worker is linked to FastWorker and to OtherWorker; keep one, or declare the field depends(..., "several")',
    );
  });
});

describe("an abstract service", () => {
  abstract class Speaker extends Service {
    static override readonly isAbstract: boolean = true;
    abstract speak(): string;
  }
  class English extends Speaker {
    speak() {
      return "hello";
    }
  }
  class Machine extends Worker {
    static override readonly implements = [Speaker];
    speak() {
      return "beep";
    }
  }
  class Radio extends Service {
    speaker = depends(Speaker);
  }

  test("is stood for by what extends it, and by what says that it implements it", () => {
    expect(shape(Radio.link(English)).at(-1)).toEqual(["Radio", { speaker: "English" }]);
    expect(shape(Radio.link(Machine)).at(-1)).toEqual(["Radio", { speaker: "Machine" }]);
  });

  test("is never linked, nor served where nothing is linked", () => {
    expect(() => Radio.link(Speaker)).toThrow("Speaker is abstract: link a service");
    expect(shape(graph(Radio))).toEqual([["Radio", {}]]);
  });

  test("is told where nothing stands for it", () => {
    expect(unlinkedDependencies(graph(Radio))).toEqual([
      "nothing is linked to Radio.speaker, so its calls will fail; add Radio.link(...) with Speaker or a " +
        'service that extends it, or declare the field depends(Speaker, "optional")',
    ]);
  });
});

test("a dependency that is left unlinked is told, unless it is optional", () => {
  class Careful extends Service {
    worker = depends(Worker);
    router = depends(Router, "optional");
  }
  class Door extends Service {
    careful = depends(Careful);
  }
  expect(unlinkedDependencies(Door.link(Careful))[0]).toStartWith(
    "nothing is linked to Careful.worker",
  );
  expect(unlinkedDependencies(Door.link(Careful))).toHaveLength(1);
  expect(unlinkedDependencies(Door.link(Careful).link(Worker))).toEqual([]);
  expect(unlinkedDependencies(graph(Door))).toEqual([]);
});

describe("graph", () => {
  test("of one service without links serves all that is declared", () => {
    expect(shape(graph(Frontend))).toEqual([
      ["Worker", {}],
      ["Router", { worker: "Worker" }],
      ["Processor", { router: "Router", worker: "Worker" }],
      ["Frontend", { processor: "Processor" }],
    ]);
  });

  test("joins paths that fan out", () => {
    const both = graph(Frontend.link(Processor).link(Router).link(Worker), Processor.link(Worker));
    expect(shape(both).at(-2)).toEqual(["Processor", { router: "Router", worker: "Worker" }]);
    expect(both.entry).toBe(Frontend);
  });

  test("refuses a path that hangs in the air", () => {
    class Lonely extends Service {
      worker = depends(Worker);
    }
    expect(() => graph(Frontend.link(Processor), Lonely.link(Worker))).toThrow(
      "Lonely is not reached from Frontend",
    );
  });

  test("refuses two services for one field", () => {
    expect(() => graph(Router.link(Worker), Router.link(FastWorker))).toThrow(
      "Router.worker is linked to Worker and to FastWorker",
    );
  });

  test("names a cycle", () => {
    class Ping extends Service {
      pong = depends<Service>(Worker);
    }
    class Pong extends Service {
      ping = depends(Ping);
    }
    class Loop extends Ping {
      override pong = depends<Service>(Pong);
    }
    expect(() => Loop.link(Pong).link(Loop)).toThrow("Loop -> Pong -> Loop is a cycle");
  });

  test("names the cycle of a service that depends on itself", () => {
    class Narcissus extends Service {
      echo = depends<Service>(Worker);
    }
    class Mirror extends Narcissus {
      override echo = depends<Service>(Mirror);
    }
    expect(() => graph(Mirror)).toThrow("Mirror -> Mirror is a cycle");
  });

  test("refuses namesakes", () => {
    const namesake = { Worker: class Worker extends FastWorker {} }.Worker;
    class Two extends Service {
      one = depends(Router);
      other = depends(namesake);
    }
    expect(() => graph(Two)).toThrow("two classes of this graph are named Worker");
  });
});

describe("describeService", () => {
  test("reads needs and endpoints from an object that never runs", () => {
    const schema = v.strictObject({ port: v.number() });
    class Door extends Worker {
      config = configured(schema);
      worker = depends(Worker);
      #calls = 0;
      override start() {
        throw new Error("never called");
      }
      override stop() {}
      open() {
        return this.#calls;
      }
      async *"chat/completions"() {}
      override isWorker() {
        return false;
      }
      get size() {
        return 1;
      }
    }
    expect(describeService(Door)).toEqual({
      name: "Door",
      lineage: ["Door", "Worker"],
      schema,
      dependencies: [{ field: "worker", service: Worker, links: "one" }],
      endpoints: ["open", "chat/completions", "isWorker"],
    });
  });

  test("includes the endpoints that a class inherits", () => {
    expect(describeService(FastWorker).endpoints).toEqual(["isFast", "isWorker"]);
  });

  test("says which service cannot be built", () => {
    class Eager extends Service {
      config = configured(v.strictObject({ port: v.number() }));
      port = this.config.port;
    }
    expect(() => describeService(Eager)).toThrow("Eager cannot be built: the configuration is not");
  });

  test("refuses two configurations", () => {
    class Twice extends Service {
      one = configured(v.strictObject({}));
      other = configured(v.strictObject({}));
    }
    expect(() => describeService(Twice)).toThrow("Twice has 2 configured() fields");
  });

  test("tells services from other classes", () => {
    expect(isServiceClass(Worker)).toBe(true);
    for (const other of [class {}, () => 1, {}, undefined]) {
      expect(isServiceClass(other)).toBe(false);
    }
  });
});

test("an unbound field says how to bind it", () => {
  const processor = new Processor();
  expect(() => processor.worker.isWorker()).toThrow(
    "the client of Worker is not bound: use it in start() or later, and in a graph that links Worker",
  );
  expect(() => Reflect.get(new Frontend(), "context")).toThrow("Frontend is not running");
});
