// SPDX-License-Identifier: Apache-2.0
// Which label field is reviewed, where a dataset has several.

import React from "react";
import * as store from "./state";
import type { Overview } from "./types";

export function FieldSelect({ overview: { label_field, label_fields } }: { overview: Overview }) {
  if (label_fields.length < 2) return null;
  return (
    <select
      aria-label="Label field"
      value={label_field ?? ""}
      onChange={(event) => {
        // Keys are for decisions again once an entry is picked
        event.target.blur();
        store.narrow({ field: event.target.value, chosen: null, selected: [], replaced: [], pending: {} });
      }}
    >
      {label_fields.map((name) => (
        <option key={name}>{name}</option>
      ))}
    </select>
  );
}
