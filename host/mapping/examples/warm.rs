use dowel_core::expression::*;
use dowel_core::port::*;
use dowel_core::*;
use dowel_mapping::*;
use std::time::*;
fn main() {
    let rt = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let lines:Vec<String>=(0..8).map(|n|format!(r#"{{"sku":"SKU-{n}-ABCDEF","qty":{},"price":"{}.99","note":"a note about it {n}"}}"#,n+1,n+10)).collect();
    let order = format!(
        r#"{{"order_id":"A-12345678901234567890","customer_id":"C-77","currency":"EUR","total":"123.45","shipping":{{"street":"Some Street 1","city":"Berlin","zip":"10115","country":"DE"}},"tags":["a","b","c"],"lines":[{}],"placed_at":"2026-03-01T09:00:00Z"}}"#,
        lines.join(",")
    );
    println!("doc {} bytes", order.len());
    let sets: Vec<(&str, Vec<&str>)> = vec![
        (
            "plain",
            vec![
                "$trigger.order_id",
                "$trigger.customer_id",
                "$trigger.shipping.city",
            ],
        ),
        (
            "invoice",
            vec![
                "$trigger.customer_id",
                "[$trigger.lines[] | {sku, qty, amount: dmul(.price; .qty)}]",
                "\"inv-\\($trigger.order_id)\"",
            ],
        ),
        (
            "whole",
            vec![
                "$trigger | {id: .order_id, to: (.shipping | to_entries | map(.value) | join(\", \")), n: (.lines | map(.qty) | add), big: [.lines[] | select(.qty > 4) | .sku]}",
            ],
        ),
    ];
    let t = Instant::now();
    let m = Mapping::new(MappingOptions::default()).unwrap();
    println!("new {:?}", t.elapsed());
    for (name, exprs) in sets {
        let e = |s: &str| Expression {
            source: s.into(),
            key: "k".into(),
            position: Position {
                file: "f".into(),
                line: 1,
                column: 1,
            },
        };
        let outputs: Vec<Template> = exprs
            .iter()
            .map(|s| Template {
                pieces: vec![Piece::Expression(e(s))],
            })
            .collect();
        let p = std::sync::Arc::new(Program {
            id: name.into(),
            condition: None,
            outputs,
            needs: Needs::default(),
        });
        let trig = JsonText::parse(&order).unwrap();
        let sand = rt.block_on(async {
            let mut v = vec![];
            for i in 0..6000 {
                let r = EvaluationRequest {
                    guest: m.guest(),
                    program: p.clone(),
                    bindings: Bindings {
                        input: JsonText::null(),
                        variables: [("trigger", trig.clone())].into(),
                    },
                    deadline: Duration::from_secs(5),
                };
                let t = Instant::now();
                m.evaluate(r).await.unwrap();
                if i > 1000 {
                    v.push(t.elapsed())
                }
            }
            v.sort();
            v[v.len() / 2]
        });
        let mut eng = dowel_mapping_guest::Engine::new();
        eng.load(dowel_mapping_guest::Program {
            id: name.into(),
            condition: None,
            outputs: exprs
                .iter()
                .map(|s| vec![dowel_mapping_guest::Piece::Expression((*s).into())])
                .collect(),
        })
        .unwrap();
        let mut v = vec![];
        for i in 0..6000 {
            let o = order.clone();
            let t = Instant::now();
            std::hint::black_box(
                eng.eval(name, "null".into(), vec![("trigger".into(), o)])
                    .unwrap(),
            );
            if i > 1000 {
                v.push(t.elapsed())
            }
        }
        v.sort();
        let nat = v[v.len() / 2];
        // plain jaq: parse all, run each expression, write
        let arena = jaq_core::load::Arena::default();
        let src = format!(
            "[{}]",
            exprs
                .iter()
                .map(|s| s.replace("dmul(.price; .qty)", "((.price|tonumber) * .qty)"))
                .collect::<Vec<_>>()
                .join(",")
        );
        let defs = jaq_core::defs()
            .chain(jaq_std::defs())
            .chain(jaq_json::defs());
        let funs = jaq_core::funs::<jaq_core::data::JustLut<jaq_json::Val>>()
            .chain(jaq_std::funs())
            .chain(jaq_json::funs());
        let mods = jaq_core::load::Loader::new(defs)
            .load(
                &arena,
                jaq_core::load::File {
                    code: src.as_str(),
                    path: (),
                },
            )
            .unwrap();
        let f = jaq_core::Compiler::default()
            .with_funs(funs)
            .with_global_vars(["$trigger"])
            .compile(mods)
            .unwrap();
        let mut v = vec![];
        for i in 0..6000 {
            let t = Instant::now();
            let val = jaq_json::read::parse_single(order.as_bytes()).unwrap();
            let ctx = jaq_core::Ctx::<jaq_core::data::JustLut<jaq_json::Val>>::new(
                &f.lut,
                jaq_core::Vars::new([val]),
            );
            let out: Vec<String> =
                f.id.run((ctx, jaq_json::Val::Null))
                    .map(|r| r.ok().unwrap().to_string())
                    .collect();
            std::hint::black_box(out);
            if i > 1000 {
                v.push(t.elapsed())
            }
        }
        v.sort();
        let jaq = v[v.len() / 2];
        println!(
            "{name}: sandbox {sand:?} same-code-native {nat:?} plain-jaq-native {jaq:?} ratio {:.2} / {:.2}",
            sand.as_secs_f64() / nat.as_secs_f64(),
            sand.as_secs_f64() / jaq.as_secs_f64()
        );
    }
}
