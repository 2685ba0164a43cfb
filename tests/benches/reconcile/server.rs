//! Makes pages of users on the fly. `GET /{order}/{people}/Users?startIndex=&count=`; nothing
//! else. A fake, and named as one: it keeps nothing and checks nothing.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};

use crate::people::{Order, accounts, write_user};
use crate::say;

/// Serves until its parent ends it. The port is its first line of output.
pub fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    say(&port.to_string());
    // A parent that dies closes our standard input.
    std::thread::spawn(|| {
        drop(std::io::stdin().lock().read_line(&mut String::new()));
        std::process::exit(0);
    });
    for stream in listener.incoming().flatten() {
        std::thread::spawn(move || answer(&stream));
    }
}

fn answer(stream: &TcpStream) {
    stream.set_nodelay(true).expect("a socket");
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    let mut page = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let target = line.split(' ').nth(1).expect("a request line").to_owned();
        loop {
            line.clear();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if line == "\r\n" {
                break;
            }
        }
        page.clear();
        write_page(&target, &mut page);
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/scim+json\r\ncontent-length: {}\r\n\r\n",
            page.len()
        );
        let mut stream = stream;
        if stream.write_all(head.as_bytes()).is_err() || stream.write_all(page.as_bytes()).is_err()
        {
            return;
        }
    }
}

fn write_page(target: &str, page: &mut String) {
    let (path, query) = target.split_once('?').expect("a query");
    let mut parts = path.split('/').skip(1);
    let order = parts.next().and_then(Order::named).expect("an order");
    let people: u64 = parts.next().and_then(|n| n.parse().ok()).expect("a number");
    let of = |name: &str| -> u64 {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let value = pairs.find(|(key, _)| *key == name).map(|(_, value)| value);
        value
            .and_then(|value| value.parse().ok())
            .expect("a number")
    };
    let total = accounts(people);
    let start = of("startIndex") - 1;
    let end = (start + of("count")).min(total);
    write!(
        page,
        r#"{{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":{total},"startIndex":{},"itemsPerPage":{},"Resources":["#,
        start + 1,
        end.saturating_sub(start),
    )
    .expect("a string takes everything");
    for place in start..end {
        if place > start {
            page.push(',');
        }
        write_user(order.person(place, people), page);
    }
    page.push_str("]}");
}
