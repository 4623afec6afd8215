export function proxyProcess(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  bundled?: () => boolean,
): { flags: string[]; env: NodeJS.ProcessEnv } | undefined;
export function startedAsProxy(): boolean;
