// SPDX-License-Identifier: Apache-2.0
// The panel's keyboard shortcuts, beside those of the App.

import { type RefObject, useEffect, useRef } from "react";

const TYPING = "input:not([type=checkbox]):not([type=range]), select, textarea, [contenteditable=true]";
const MODAL = "[data-cy=modal]";
/** Dialogs and menus, which receive the keys while they are open. */
const OVERLAY = `[role=dialog]:not(${MODAL}):not(${MODAL} *), [role=menu], [role=listbox]`;
/** The keys that repeat while they are held down. */
const REPEATING = ["j", "k"];

type Press = Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey" | "repeat">;

/** Return the name of a key press, such as `j`, `Ctrl+z` or `?`; null with Alt or Shift. */
export function keyName({ key, ctrlKey, metaKey, altKey, shiftKey }: Press): string | null {
  // On many keyboards, a question mark needs Shift
  if (key === "?") return key;
  if (altKey || shiftKey) return null;
  return (ctrlKey || metaKey ? "Ctrl+" : "") + key.toLowerCase();
}

/** Tell whether to act on a key press: only the keys that step through the list repeat. */
export const isPressed = (name: string, { repeat }: Press): boolean => !repeat || REPEATING.includes(name);

/**
 * Call the handlers of keys, wherever the focus is, except while the user is typing or a dialog is
 * open. Only the visible one of two panels reacts. Keys without a handler are left to the App, and
 * if it `annotates`, all keys are left to it unless the focus is in the panel.
 */
export function useKeys(
  panel: RefObject<HTMLElement>,
  keys: Record<string, (() => void) | null>,
  annotates = false,
): void {
  const known = useRef({ keys, annotates });
  known.current = { keys, annotates };
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      const modal = document.querySelector(MODAL);
      if (modal && !modal.contains(panel.current)) return;
      if (modal && known.current.annotates && !panel.current?.contains(target)) return;
      const name = keyName(event);
      const call = name && known.current.keys[name];
      if (!call || target.closest?.(TYPING) || document.querySelector(OVERLAY)) return;
      // The App has shortcuts of its own
      event.preventDefault();
      event.stopPropagation();
      if (isPressed(name, event)) call();
    };
    window.addEventListener("keydown", press, true);
    return () => window.removeEventListener("keydown", press, true);
  }, [panel]);
}
