/** Items of a request, parts of a message's content, and parts of a tool's output. */
export const MAX_ITEMS = 16_384;
