/** The version that capabilities, status and `--version` name. */
export const vaultVersion = '0.1.0';
