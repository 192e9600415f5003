/** The one place that ends the process. */
export function endProcess(code: number): never {
  process.exit(code);
}

/** Sets the exit code that the process will end with once its work is done. */
export function setExitCode(code: number): void {
  process.exitCode = code;
}
