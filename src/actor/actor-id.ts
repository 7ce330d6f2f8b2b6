/** One incarnation of an actor, unique in the process and given by the main thread. A restart gets a new one. */
export type ActorId = number;
