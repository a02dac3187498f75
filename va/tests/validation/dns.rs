//! A DNS server that answers what a test told it, over UDP and TCP.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, CAA, CNAME, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

/// What it says about a name and type.
#[derive(Clone)]
enum Said {
    Records(Vec<RData>),
    Code(ResponseCode),
    /// Nothing at all.
    Silence,
    /// Over UDP that it is too much for UDP, and the records over TCP.
    TcpOnly(Vec<RData>),
}

#[derive(Default)]
struct Known {
    said: HashMap<(String, RecordType), Vec<Said>>,
    asked: Vec<(String, RecordType)>,
}

/// The server; a name of which nothing was told does not exist.
#[derive(Clone)]
pub struct Zone {
    pub address: SocketAddr,
    known: Arc<Mutex<Known>>,
}

impl Zone {
    pub async fn start() -> Self {
        let known = Arc::<Mutex<Known>>::default();
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            let address = udp.local_addr().unwrap();
            if let Ok(tcp) = TcpListener::bind(address).await {
                break (udp, tcp);
            }
        };
        let zone = Self { address: udp.local_addr().unwrap(), known };
        tokio::spawn(zone.clone().over_udp(udp));
        tokio::spawn(zone.clone().over_tcp(tcp));
        zone
    }

    async fn over_udp(self, socket: UdpSocket) {
        let mut buffer = [0; 4096];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            if let Some(answer) = self.answer(&buffer[..length], true) {
                let _ = socket.send_to(&answer, from).await;
            }
        }
    }

    async fn over_tcp(self, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(self.clone().on_stream(stream));
        }
    }

    async fn on_stream(self, mut stream: TcpStream) {
        while let Ok(length) = stream.read_u16().await {
            let mut query = vec![0; length.into()];
            if stream.read_exact(&mut query).await.is_err() {
                return;
            }
            if let Some(answer) = self.answer(&query, false) {
                let length = u16::try_from(answer.len()).unwrap();
                stream.write_u16(length).await.unwrap();
                stream.write_all(&answer).await.unwrap();
            }
        }
    }

    fn answer(&self, query: &[u8], udp: bool) -> Option<Vec<u8>> {
        let query = Message::from_vec(query).unwrap();
        let question = query.queries.first().unwrap().clone();
        let name = question.name().to_ascii().trim_end_matches('.').to_lowercase();
        let mut answer = Message::response(query.metadata.id, query.metadata.op_code);
        answer.add_query(question.clone());
        answer.metadata.recursion_desired = true;
        answer.metadata.recursion_available = true;
        match self.said(&name, question.query_type()) {
            None => answer.metadata.response_code = ResponseCode::NXDomain,
            Some(Said::Silence) => return None,
            Some(Said::Code(code)) => answer.metadata.response_code = code,
            Some(Said::TcpOnly(_)) if udp => answer.metadata.truncation = true,
            Some(Said::Records(records) | Said::TcpOnly(records)) => {
                for data in records {
                    answer.add_answer(Record::from_rdata(question.name().clone(), 60, data));
                }
            }
        }
        Some(answer.to_vec().unwrap())
    }

    fn said(&self, name: &str, kind: RecordType) -> Option<Said> {
        let mut known = self.known.lock().unwrap();
        known.asked.push((name.to_owned(), kind));
        for kind in [kind, RecordType::CNAME] {
            if let Some(said) = known.said.get_mut(&(name.to_owned(), kind)) {
                // What was told several times is said one after the other.
                return Some(if said.len() > 1 { said.remove(0) } else { said[0].clone() });
            }
        }
        let exists = known
            .said
            .keys()
            .any(|(found, _)| found == name || found.ends_with(&format!(".{name}")));
        exists.then(|| Said::Records(Vec::new()))
    }

    fn tell(&self, name: &str, kind: RecordType, said: Said) {
        let mut known = self.known.lock().unwrap();
        known.said.insert((name.to_owned(), kind), vec![said]);
    }

    /// Lists what was asked about a type.
    pub fn asked(&self, kind: RecordType) -> Vec<String> {
        let known = self.known.lock().unwrap();
        let of_kind = known.asked.iter().filter(|(_, found)| *found == kind);
        of_kind.map(|(name, _)| name.clone()).collect()
    }

    pub fn addresses(&self, name: &str, addresses: &[IpAddr]) {
        let (mut four, mut six) = (Vec::new(), Vec::new());
        for address in addresses {
            match address {
                IpAddr::V4(address) => four.push(RData::A(A(*address))),
                IpAddr::V6(address) => six.push(RData::AAAA(AAAA(*address))),
            }
        }
        self.tell(name, RecordType::A, Said::Records(four));
        self.tell(name, RecordType::AAAA, Said::Records(six));
    }

    /// An address now, and others for every later question.
    pub fn address_then(&self, name: &str, now: Ipv4Addr, later: Ipv4Addr) {
        let said = |address| Said::Records(vec![RData::A(A(address))]);
        let mut known = self.known.lock().unwrap();
        known.said.insert((name.to_owned(), RecordType::A), vec![said(now), said(later)]);
    }

    pub fn texts(&self, name: &str, texts: &[&[&str]]) {
        self.tell(name, RecordType::TXT, Said::Records(texts_of(texts)));
    }

    pub fn texts_over_tcp(&self, name: &str, texts: &[&[&str]]) {
        self.tell(name, RecordType::TXT, Said::TcpOnly(texts_of(texts)));
    }

    pub fn caa(&self, name: &str, records: &[(bool, &str, &str)]) {
        let record = |(critical, tag, value): &(bool, &str, &str)| {
            let mut record = CAA::new_issue(*critical, None, Vec::new());
            record.tag = (*tag).to_owned();
            record.value = value.as_bytes().to_vec();
            RData::CAA(record)
        };
        let records = records.iter().map(record).collect();
        self.tell(name, RecordType::CAA, Said::Records(records));
    }

    pub fn alias(&self, name: &str, target: &str) {
        let mut target = Name::from_ascii(target).unwrap();
        target.set_fqdn(true);
        let records = vec![RData::CNAME(CNAME(target))];
        self.tell(name, RecordType::CNAME, Said::Records(records));
    }

    pub fn fails(&self, name: &str, kind: RecordType, code: ResponseCode) {
        self.tell(name, kind, Said::Code(code));
    }

    pub fn is_silent(&self, name: &str, kind: RecordType) {
        self.tell(name, kind, Said::Silence);
    }
}

fn texts_of(texts: &[&[&str]]) -> Vec<RData> {
    let one = |strings: &&[&str]| {
        RData::TXT(TXT::new(strings.iter().map(|text| (*text).to_owned()).collect()))
    };
    texts.iter().map(one).collect()
}
