// SPDX-License-Identifier: Apache-2.0
// The panel's keys, among those of the App.

import { type RefObject, useEffect, useRef } from "react";

const TYPING = "input:not([type=checkbox]):not([type=range]), select, textarea";
/** Keys that go on as long as they are held down. */
const GO_ON = ["j", "k"];

/** Calls what keys stand for, but where somebody is typing; of two panels, only the one that is seen. */
export function useKeys(panel: RefObject<HTMLElement>, keys: Record<string, () => void>): void {
  const known = useRef(keys);
  known.current = keys;
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      const modal = document.querySelector("[data-cy=modal]");
      if (modal && !modal.contains(panel.current)) return;
      const own = panel.current?.contains(target) || target === document.body;
      const name = event.ctrlKey || event.metaKey ? `Ctrl+${event.key}` : event.key;
      const call = known.current[name];
      if (!own || target.closest?.(TYPING) || event.altKey || !call) return;
      // The App has keys of its own
      event.preventDefault();
      event.stopPropagation();
      if (!event.repeat || GO_ON.includes(name)) call();
    };
    window.addEventListener("keydown", press, true);
    return () => window.removeEventListener("keydown", press, true);
  }, [panel]);
}
