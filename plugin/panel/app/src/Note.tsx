// SPDX-License-Identifier: Apache-2.0
// The note that a reviewer wrote on an issue.

import React from "react";
import { useCall } from "./api";
import * as store from "./state";
import type { Issue } from "./types";

/** The note of an issue, or the input in which it is written. */
export function Note({ issue }: { issue: Issue }) {
  const call = useCall();
  const { noting } = store.useStored();
  const close = () => store.set({ noting: false });
  const save = (note: string) => {
    close();
    if (note === (issue.note ?? "")) return;
    call("note", { id: issue.id, note, dataset: store.get().dataset }).then(store.relist, (error: Error) =>
      store.set({ failure: error.message }),
    );
  };
  if (!noting)
    return issue.note ? (
      <p className="note" data-testid="note">
        {issue.note}
      </p>
    ) : null;
  return (
    <input
      type="text"
      aria-label="Note"
      placeholder="Note, then Enter"
      key={issue.id}
      defaultValue={issue.note ?? ""}
      ref={(node) => node?.focus()}
      onBlur={({ target }) => save(target.value)}
      onKeyDown={(event) => {
        if (event.key === "Enter") event.currentTarget.blur();
        if (event.key !== "Escape") return;
        event.stopPropagation();
        close();
      }}
    />
  );
}
