// The load of one worker after a step. Names follow Dynamo's ForwardPassMetrics.

export interface ForwardPassMetrics {
  readonly workerStats: {
    readonly requestActiveSlots: number;
    readonly requestTotalSlots: number;
    readonly numRequestsWaiting: number;
  };
  readonly kvStats: {
    readonly kvActiveBlocks: number;
    readonly kvTotalBlocks: number;
    /** Share of the KV blocks in use, 0 to 1. */
    readonly cacheUsage: number;
    /** Share of queried prompt tokens that were found in the prefix cache, 0 to 1. */
    readonly prefixCacheHitRate: number;
  };
}
