import type { TestContext } from "node:test";

const stacks = new WeakMap<TestContext, (() => void | Promise<void>)[]>();

/** Runs after the test, the last registered first (`t.after` runs the first registered first). */
export function atEnd(context: TestContext, cleanup: () => void | Promise<void>): void {
  const stack = stacks.get(context);
  if (stack !== undefined) {
    stack.push(cleanup);
    return;
  }
  const fresh = [cleanup];
  stacks.set(context, fresh);
  context.after(async () => {
    for (const each of fresh.reverse()) await each();
  });
}
