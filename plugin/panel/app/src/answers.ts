// SPDX-License-Identifier: Apache-2.0
// Parse what the panel's Python side returns, and cache it.

/** What the App passes to the callback of a panel event. */
export interface Reply {
  result?: unknown;
  error?: unknown;
  errorMessage?: unknown;
}

/** Return the last line of an error, which is the message of a traceback. */
export function errorText(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.trim().split("\n").pop() ?? text;
}

/**
 * Return the result of a call.
 *
 * @throws {Error} if the call failed, or if its only result is a `problem`.
 */
export function resultOf<T>({ result, error, errorMessage }: Reply): T {
  if (error || errorMessage) throw new Error(errorText(error ?? errorMessage));
  const { problem, ...rest } = (result ?? {}) as { problem?: string };
  if (problem && !Object.keys(rest).length) throw new Error(problem);
  return result as T;
}

/** Add a value to a cache that holds at most `size` values, and drop the oldest one if needed. */
export function keep<T>(cache: Map<string, T>, key: string, value: T, size: number): void {
  cache.set(key, value);
  const [oldest] = cache.keys();
  if (cache.size > size) cache.delete(oldest);
}
