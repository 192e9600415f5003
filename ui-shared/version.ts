/** Version of the front ends, as they name themselves to the daemon. A test keeps it equal to the package's. */
export const frontEndVersion = '0.1.0';
