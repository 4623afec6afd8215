/** The condition of the exports of @tulle/proxy under which it is its bundle. */
export const BUNDLED: string;
export function isBundleFresh(folder?: string): boolean;
