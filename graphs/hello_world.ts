// hello_world: three services behind one HTTP route, and nothing of language models. A text goes down through them,
// each adding its message; its words come back up, one at a time.
//
//   curl -N localhost:8000/generate -d '{"text": "hello world"}'
//   Frontend: Middle: Backend: hello
//   Frontend: Middle: Backend: world-mid-back

import { checkAddress, configured, depends, Service } from "dynamo";
import * as v from "valibot";

const FrontendConfig = v.strictObject({
  /** Port of HTTP. 0 is any free one. */
  port: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65_535)), 8000),
});

const Request = v.object({ text: v.string() });

export class Backend extends Service {
  config = configured(v.strictObject({ message: v.optional(v.string(), "back") }));

  #numWords = 0;

  async *generate(text: string) {
    for (const word of `${text}-${this.config.message}`.split(/\s+/)) {
      this.#numWords++;
      yield `Backend: ${word}`;
    }
  }

  /** Words that this instance has sent. */
  numWords() {
    return this.#numWords;
  }
}

export class Middle extends Service {
  config = configured(v.strictObject({ message: v.optional(v.string(), "mid") }));
  backend = depends(Backend);

  #name = "Middle";

  async *generate(text: string) {
    for await (const word of this.backend.generate(`${text}-${this.config.message}`)) {
      yield `${this.#name}: ${word}`;
    }
  }
}

export class Frontend extends Service {
  config = configured(FrontendConfig);
  middle = depends(Middle);

  #server: Bun.Server<undefined> | undefined;

  /** Before anything starts: is the port free? */
  static override check({ port }: { port: number }) {
    return checkAddress("127.0.0.1", port);
  }

  override start() {
    this.#server = Bun.serve({
      hostname: "127.0.0.1",
      port: this.config.port,
      routes: { "/generate": { POST: (request) => this.#generate(request) } },
      error: (error) => Response.json({ error: error.message }, { status: 500 }),
    });
    const url = this.#server.url.href.replace(/\/$/, "");
    this.context.announce({ url, example: `curl -N ${url}/generate -d '{"text": "hello world"}'` });
  }

  override async stop() {
    await this.#server?.stop();
  }

  async #generate(request: globalThis.Request) {
    const parsed = v.safeParse(Request, await request.json().catch(() => undefined));
    if (!parsed.success) {
      return Response.json({ error: 'expected {"text": "hello world"}' }, { status: 400 });
    }
    return new Response(this.#words(parsed.output.text));
  }

  /** One line a word. A client that leaves ends the generator, and with it the streams below. */
  async *#words(text: string) {
    for await (const word of this.middle.generate(text)) {
      yield `Frontend: ${word}\n`;
    }
  }
}

export default Frontend.link(Middle).link(Backend);
