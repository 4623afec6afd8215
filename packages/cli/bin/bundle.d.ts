export function isBundleFresh(folder?: string): boolean;
