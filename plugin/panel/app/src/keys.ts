// SPDX-License-Identifier: Apache-2.0
// The panel's keys, among those of the App.

import { type RefObject, useEffect, useRef } from "react";

const TYPING = "input:not([type=checkbox]):not([type=range]), select, textarea, [contenteditable=true]";
const MODAL = "[data-cy=modal]";
/** What takes the keys as long as it is open. */
const OVER = `[role=dialog]:not(${MODAL}):not(${MODAL} *), [role=menu], [role=listbox]`;
/** Keys that go on as long as they are held down. */
const GO_ON = ["j", "k"];

/**
 * Calls what keys stand for, wherever the focus is, but where somebody is typing or asked something;
 * of two panels, only the one that is seen. Keys that stand for nothing are the App's.
 */
export function useKeys(panel: RefObject<HTMLElement>, keys: Record<string, (() => void) | null>): void {
  const known = useRef(keys);
  known.current = keys;
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      const modal = document.querySelector(MODAL);
      if (modal && !modal.contains(panel.current)) return;
      const key = event.key.toLowerCase();
      const name = event.ctrlKey || event.metaKey ? `Ctrl+${key}` : key;
      const call = known.current[name];
      if (!call || event.altKey || event.shiftKey || target.closest?.(TYPING) || document.querySelector(OVER)) return;
      // The App has keys of its own
      event.preventDefault();
      event.stopPropagation();
      if (!event.repeat || GO_ON.includes(name)) call();
    };
    window.addEventListener("keydown", press, true);
    return () => window.removeEventListener("keydown", press, true);
  }, [panel]);
}
