// A queue that tenants share: each tenant with items has its turn, and one tenant's items come in order.

export class FairQueue<Item> {
  /** By turn: the first is served next, and then goes to the end. */
  readonly #tenants = new Map<number, Set<Item>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(tenant: number, item: Item): void {
    const items = this.#tenants.get(tenant);
    if (items === undefined) this.#tenants.set(tenant, new Set([item]));
    else items.add(item);
    this.#size++;
  }

  shift(): Item | undefined {
    for (const [tenant, items] of this.#tenants) {
      for (const item of items) {
        this.delete(tenant, item);
        if (items.size > 0) {
          this.#tenants.delete(tenant);
          this.#tenants.set(tenant, items);
        }
        return item;
      }
    }
    return undefined;
  }

  /** False if it does not wait. */
  delete(tenant: number, item: Item): boolean {
    const items = this.#tenants.get(tenant);
    if (!items?.delete(item)) return false;
    if (items.size === 0) this.#tenants.delete(tenant);
    this.#size--;
    return true;
  }

  /** Takes all out. */
  drain(): Item[] {
    const all = [...this.#tenants.values()].flatMap((items) => [...items]);
    this.#tenants.clear();
    this.#size = 0;
    return all;
  }
}
