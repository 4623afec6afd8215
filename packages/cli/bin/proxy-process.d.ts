export function proxyProcess(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): { flags: string[]; env: NodeJS.ProcessEnv } | undefined;
export function startedAsProxy(): boolean;
