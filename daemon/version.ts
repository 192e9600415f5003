/** The product's version, as the daemon announces it. */
export const daemonVersion = '0.1.0';
/** What this daemon adds to its wire version; clients ask by name. */
export const daemonFeatures: readonly string[] = ['agents', 'adoption', 'operators'];
