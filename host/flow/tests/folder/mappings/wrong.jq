{lines: $trigger.lines,
 total: $trigger.totel}
