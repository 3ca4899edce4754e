/**
 * All texts of the page, language by language: gzip looks back 32 KiB only, and finds the words of a language again in
 * its other texts. This saves 1.9 kB. The first import of the page, because imports decide the order in its file.
 */
import "../../domain/faults/serbian.ts";
import "../../commissioning/words/serbian.ts";
import "./words/serbian.ts";
import "../../domain/faults/slovene.ts";
import "../../commissioning/words/slovene.ts";
import "./words/slovene.ts";
import "built:fault-texts";
import "../../commissioning/words/english.ts";
import "./words/english.ts";
