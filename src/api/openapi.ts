// The routes as an OpenAPI document, made of the tables of routes and of the schemas that check their bodies.

import type { GenericSchema } from "valibot";

import { version } from "../../package.json";
import { type ApiRoute, get } from "../door/api-route.ts";

/** `/openapi.json` of these routes. The document is made when it is first asked for. */
export function openApiRoute(routes: readonly ApiRoute[]): ApiRoute {
  let document: Promise<object> | undefined;
  const summary = "This document.";
  const answer: ApiRoute["handler"] = async (exchange) => {
    document ??= documentOf(routes);
    return exchange.json(await document);
  };
  return get("/openapi.json", answer, { summary });
}

async function documentOf(routes: readonly ApiRoute[]): Promise<object> {
  const { toJsonSchema } = await import("@valibot/to-json-schema");
  const schemaOf = (schema: GenericSchema) => {
    const { $schema: _, ...json } = toJsonSchema(schema, {
      typeMode: "input",
      errorMode: "ignore",
      // Schemas that decide by the value itself are told in docs/api.md only.
      overrideSchema: ({ valibotSchema }) => (valibotSchema.type === "lazy" ? {} : undefined),
    });
    return json;
  };
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)\+?/g, "{$1}");
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route, schemaOf) };
  }
  return {
    openapi: "3.1.0",
    info: { title: "dynamo", version },
    paths,
    components: { securitySchemes: { key: { type: "http", scheme: "bearer" } } },
    security: [{ key: [] }, {}],
  };
}

function operationOf(route: ApiRoute, schemaOf: (schema: GenericSchema) => object): object {
  const { path, summary, body, access = "client" } = route;
  const parameters = [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    ...{ name, in: "path", required: true, schema: { type: "string" } },
  }));
  return {
    ...(summary !== undefined && { summary }),
    ...(access === "open" && { security: [] }),
    ...(parameters.length > 0 && { parameters }),
    ...(body && {
      requestBody: {
        required: true,
        content: { "application/json": { schema: schemaOf(body) } },
      },
    }),
    responses: { "200": { description: "OK" }, default: ERROR },
  };
}

const ERROR = { description: "An error, in the shape of the route's API." };
