// SPDX-License-Identifier: Apache-2.0
// What the App shares with its player: values, frames and times.

/** The part of the App's playback that the panel uses. Times are in seconds. */
export interface Playback {
  duration: number;
  stepInterval: number;
  seek(time: number): void;
  pause(): void;
}

/** A node of React's tree. */
interface Fiber {
  return: Fiber | null;
  memoizedProps?: { value?: unknown } | null;
}

/**
 * Find a value that the App shares with an element. It gives the values of its player only to the
 * components in its own tree, so they are looked up there.
 */
export function findShared<T>(element: Element | null, names: (keyof T)[]): T | null {
  const key = element && Object.keys(element).find((name) => name.startsWith("__reactFiber$"));
  if (!key) return null;
  let fiber: Fiber | null = (element as unknown as Record<string, Fiber>)[key];
  for (; fiber; fiber = fiber.return) {
    const value = fiber.memoizedProps?.value;
    if (typeof value === "object" && value !== null && names.every((name) => name in value)) return value as T;
  }
  return null;
}

/** Return the frame, counted from 1, that is shown at a time. */
export const frameAt = (time: number, step: number): number => Math.floor(time / step + 1e-6) + 1;

/** Return the milliseconds of a time as the App spells it. */
export function readTime(value: unknown): number | null {
  if (typeof value === "string") return new Date(value).getTime();
  const { datetime, $date } = (value ?? {}) as { datetime?: number; $date?: number | string };
  const time = datetime ?? $date;
  return time === undefined ? null : new Date(time).getTime();
}
