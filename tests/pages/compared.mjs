// Reads pairs of documents from the standard input, and writes the rows that the page shows for each.
import { readFileSync } from "node:fs";
import { compared } from "../../src/roark_otel/pages/static/compare-model.js";

const pairs = JSON.parse(readFileSync(0, "utf8"));
const rows = pairs.map(([one, other]) =>
  compared(one, other).rows.map(({ before, after }) => ({
    before: before?.line ?? null,
    after: after?.line ?? null,
    answered: [before?.answeredMs ?? null, after?.answeredMs ?? null],
  })),
);
process.stdout.write(JSON.stringify(rows));
