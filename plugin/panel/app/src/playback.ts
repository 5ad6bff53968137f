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
  memoizedState?: unknown;
}

/** Return the node of React's tree that an element belongs to. */
function fiberOf(element: Element | null): Fiber | null {
  const key = element && Object.keys(element).find((name) => name.startsWith("__reactFiber$"));
  return key ? (element as unknown as Record<string, Fiber>)[key] : null;
}

const hasAll = (value: unknown, names: PropertyKey[]): boolean =>
  typeof value === "object" && value !== null && names.every((name) => name in value);

/**
 * Find a value that the App shares with an element. It gives the values of its player only to the
 * components in its own tree, so they are looked up there.
 */
export function findShared<T>(element: Element | null, names: (keyof T)[]): T | null {
  for (let fiber = fiberOf(element); fiber; fiber = fiber.return) {
    const value = fiber.memoizedProps?.value;
    if (hasAll(value, names)) return value as T;
  }
  return null;
}

/** The state of one hook of a component, and that of its next hook. */
interface Hook {
  memoizedState: unknown;
  next: Hook | null;
}

/** Return what a hook depends on: that of an effect, or beside a memoized value. */
function dependsOn(state: unknown): unknown[] {
  const depends = Array.isArray(state) ? state[1] : (state as { deps?: unknown } | null)?.deps;
  return Array.isArray(depends) ? depends : [];
}

/** How many components above an element may hold the value. */
const HELD_WITHIN = 5;

/** Find a value that the hooks of the component around an element depend on. */
export function findHeld<T>(element: Element | null, names: (keyof T)[]): T | null {
  let fiber = fiberOf(element);
  for (let above = 0; fiber && above < HELD_WITHIN; above += 1, fiber = fiber.return) {
    if (!hasAll(fiber.memoizedState, ["memoizedState", "next"])) continue;
    for (let hook = fiber.memoizedState as Hook | null; hook; hook = hook.next) {
      const found = dependsOn(hook.memoizedState).find((value) => hasAll(value, names));
      if (found) return found as T;
    }
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
