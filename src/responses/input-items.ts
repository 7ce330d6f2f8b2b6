// GET /v1/responses/ID/input_items: a page of the items that a request brought.

import { invalidRequest } from "../door/api-error.ts";

const DEFAULT_PAGE = 20;
const MAX_PAGE = 100;

interface Item {
  readonly id: string;
}

/** `order` is `desc`, the newest first, if the query does not say `asc`. */
export function inputItems(stored: readonly Item[], query: URLSearchParams): object {
  const limit = Number(query.get("limit") ?? DEFAULT_PAGE);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE)
    throw wrong("limit", `must be an integer from 1 to ${MAX_PAGE}`);
  const order = query.get("order") ?? "desc";
  if (order !== "asc" && order !== "desc") throw wrong("order", "must be asc or desc");
  const items = order === "asc" ? stored : stored.toReversed();
  const after = query.get("after");
  const start = after === null ? 0 : items.findIndex(({ id }) => id === after) + 1;
  if (after !== null && start === 0) throw wrong("after", "must be the id of an item of the list");
  const data = items.slice(start, start + limit);
  return {
    object: "list",
    data,
    first_id: data.at(0)?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: start + limit < items.length,
  };
}

function wrong(param: string, must: string) {
  return invalidRequest("invalid_value", `'${param}' ${must}.`, param);
}
