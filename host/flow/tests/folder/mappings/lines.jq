# The lines as the ERP takes them.
[$trigger.lines[] | {sku, qty, amount: dmul(.price; .qty)}]
