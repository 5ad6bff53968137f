// SPDX-License-Identifier: Apache-2.0
// Drop-down lists.

import React from "react";
import * as store from "./state";
import type { Overview } from "./types";

interface Props {
  label: string;
  value: string;
  /** The values and their texts. */
  options: [string, string][];
  pick: (value: string) => void;
}

export const Select = ({ label, value, options, pick }: Props) => (
  <select
    aria-label={label}
    value={value}
    onChange={({ target }) => {
      // The next key is meant for the panel
      target.blur();
      pick(target.value);
    }}
  >
    {options.map(([name, text]) => (
      <option key={name} value={name}>
        {text}
      </option>
    ))}
  </select>
);

type SequenceProps = Omit<Props, "label" | "options"> & Pick<Overview, "sequences"> & { all?: boolean };

/** Choose a sequence, or all of them if `all` is set. Nothing is shown if there is only one. */
export function SequenceSelect({ sequences, all = false, ...props }: SequenceProps) {
  if (sequences.length < 2) return null;
  const options = sequences.map(({ name, issues }): [string, string] => [name, `${name} (${issues})`]);
  if (all) options.unshift(["", "all sequences"]);
  return <Select label="Sequence" options={options} {...props} />;
}

/** Choose the label field to review. Nothing is shown if there is only one. */
export function FieldSelect({ overview: { label_field, label_fields } }: { overview: Overview }) {
  if (label_fields.length < 2) return null;
  return (
    <Select
      label="Label field"
      value={label_field ?? ""}
      options={label_fields.map((name) => [name, name])}
      pick={(field) => store.narrow({ field, chosen: null, selected: [], replaced: [], pending: {} })}
    />
  );
}
