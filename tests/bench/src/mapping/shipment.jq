.shipping as $to
| {
    to: "\($to.name), \($to.street), \($to.city) \($to.postcode)",
    abroad: ($to.country != "DE"),
    parcels: [.lines[] | select(.weight_g > 200) | {sku, qty, grams: (.qty * .weight_g)}],
    light: [.lines[] | select(.weight_g <= 200) | .sku | ascii_downcase],
    note: (.note // "")
  }
