//! The shop in a process of its own.

use super::Helper;
use anyhow::{Context as _, Result, bail};
use dowel_shop::{Shop, ShopHandle};
use std::net::SocketAddr;

/// The helper's name.
pub(crate) const ROLE: &str = "shop";

const ADDRESS: &str = "address";
const CLEAR: &str = "clear";
const COUNT: &str = "count";

/// The shop's process, seen from the benchmark.
pub(crate) struct ShopProcess {
    helper: Helper,
    /// Where it listens, as `127.0.0.1:…`.
    pub(crate) address: String,
}

/// What the shop's ledger has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) invoices: u64,
    pub(crate) calls: u64,
}

impl ShopProcess {
    pub(crate) async fn start() -> Result<Self> {
        let mut helper = Helper::start(ROLE)?;
        let address = helper.ask(ADDRESS).await?;
        Ok(Self { helper, address })
    }

    /// Forgets everything.
    pub(crate) async fn clear(&mut self) -> Result<()> {
        self.helper.ask(CLEAR).await.map(drop)
    }

    /// What arrived since it forgot.
    pub(crate) async fn count(&mut self) -> Result<Count> {
        read(&self.helper.ask(COUNT).await?)
    }
}

fn read(answer: &str) -> Result<Count> {
    let (invoices, calls) = answer
        .split_once(' ')
        .context("the shop counts two things")?;
    Ok(Count {
        invoices: invoices.parse()?,
        calls: calls.parse()?,
    })
}

/// The helper itself.
pub(crate) async fn run() -> Result<()> {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let shop = Shop::start(any)
        .await
        .context("the shop cannot be started")?;
    super::serve(|line| std::future::ready(answer(&shop, &line))).await?;
    Ok(shop.shutdown().await?)
}

fn answer(shop: &ShopHandle, line: &str) -> Result<String> {
    match line {
        ADDRESS => Ok(shop.addr.to_string()),
        CLEAR => {
            shop.clear_ledger();
            Ok(String::new())
        }
        COUNT => {
            let invoices = shop.ledger().invoices.len();
            Ok(format!("{invoices} {}", shop.calls().len()))
        }
        other => bail!("the shop does not know `{other}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_shop_tells_what_it_was_asked() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let shop = Shop::start(any).await.unwrap();
        assert_eq!(answer(&shop, ADDRESS).unwrap(), shop.addr.to_string());
        let none = Count {
            invoices: 0,
            calls: 0,
        };
        assert_eq!(read(&answer(&shop, COUNT).unwrap()).unwrap(), none);
        assert_eq!(answer(&shop, CLEAR).unwrap(), "");
        assert!(answer(&shop, "?").is_err());
    }
}
