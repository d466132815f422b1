# What jq 1.6 has and jaq has not.
def IN(s): any(s == .; .);
def IN(src; s): any(src == s; .);
def INDEX(stream; f): reduce stream as $x ({}; . + ($x | {(f | tostring): .}));
def INDEX(f): INDEX(.[]; f);
def leaf_paths: paths(scalars);
def ascii: [.] | implode;
def @csv:
  map(if isstring then "\"" + gsub("\""; "\"\"") + "\""
      elif isnumber or isboolean then tostring
      elif . == null then ""
      else error("@csv takes an array of strings, numbers, booleans and nulls") end)
  | join(",");
def @tsv:
  map(if isstring then gsub("\\\\"; "\\\\") | gsub("\t"; "\\t") | gsub("\n"; "\\n") | gsub("\r"; "\\r")
      elif isnumber or isboolean then tostring
      elif . == null then ""
      else error("@tsv takes an array of strings, numbers, booleans and nulls") end)
  | join("\t");

# Where jaq departs from jq in what mappings use daily, jq's way.
def join($s):
  reduce .[] as $x (null;
    (if . == null then "" else . + $s end) + ($x | if isboolean or isnumber then tojson else . end))
  // "";
def reverse: [.[length - 1 - range(0; length)]];
def ltrimstr($s):
  if isstring and ($s | isstring) and startswith($s) then .[($s | length):] end;
def rtrimstr($s):
  if isstring and ($s | isstring) and $s != "" and endswith($s) then .[:length - ($s | length)] end;
def from_entries:
  reduce .[] as $x ({}; . + {
    ($x | if .key == null then .k // .name // .Name // .K // .Key else .key end
        | if isstring then . else tojson end):
    ($x | if has("value") then .value elif has("v") then .v else .Value end)
  });
def with_entries(f): to_entries | map(f) | from_entries;
def todate: if isarray then mktime end | todateiso8601;
def todate(f): strftime(f);

# Rounding modes as plain words.
def half_even: "half_even";
def half_up: "half_up";
def up: "up";
def down: "down";

def dsum(f): reduce f as $x ("0"; dadd(.; $x));
def dmin(a; b): a as $a | b as $b | if dle($a; $b) then dstr($a) else dstr($b) end;
def dmax(a; b): a as $a | b as $b | if dge($a; $b) then dstr($a) else dstr($b) end;

def date_format(format; zone): date_format(.; format; zone);
