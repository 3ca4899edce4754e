import type { CatalogueWords, FaultWords } from "./words.ts";

const DIALOUT =
  "Priložena datoteka storitve storitev že doda v skupino dialout. Če program zaganjate ročno: `usermod -aG dialout USER`, nato se znova prijavite.";
const NETWORK =
  "Kopirajte `/usr/share/doc/patrol-unit/examples/25-can0.network` v `/etc/systemd/network/` in zaženite `networkctl reload`";
const RULES =
  "Namestite `polkitd`. Brez paketa kopirajte `systemd/50-patrol-unit.rules` v `/etc/polkit-1/rules.d/`";

const GPS = {
  absent: {
    sentence: "Naprave sprejemnika ni.",
    remedy:
      "Preverite vtič. Primerjajte `ls -l /dev/serial/by-id/` z `gps.port`. Pri `tcp://`: ali strežnik deluje?",
  },
  denied: { sentence: "Storitev ne sme odpreti naprave sprejemnika.", remedy: DIALOUT },
  unplugged: {
    sentence: "Sprejemnik je med delovanjem izginil.",
    remedy: "Preverite vtič in kabel. Enota napravo sama znova odpre.",
  },
  silent: {
    sentence: "Sprejemnik ne pošilja ničesar.",
    remedy: "Sprejemnik izključite in znova priključite. Preverite `gps.port`.",
  },
  "no-nmea": {
    sentence: "Iz sprejemnika prihajajo bajti, a nobenega veljavnega stavka NMEA.",
    remedy:
      "Nastavite `gps.baud` na hitrost sprejemnika (pogosto 4800, 9600, 38400 ali 115200). Preklopite ga na NMEA 0183.",
  },
  failed: {
    sentence: "Naprave sprejemnika ni mogoče brati.",
    remedy:
      "Preberite `detail` dogodka. Ustavite drugi program (`fuser -v DEVICE` ga imenuje) ali popravite `gps.port`.",
  },
  rollover: {
    sentence: "Datumi sprejemnika zaostajajo za 1.024 tednov ali večkratnik tega. Enota jih popravlja.",
    remedy: "Zdaj nič. Ob naslednjem servisu zamenjajte sprejemnik ali njegovo strojno programsko opremo.",
  },
} as const satisfies Record<string, FaultWords>;

const CAN = {
  absent: {
    sentence: "Vmesnika CAN ni.",
    remedy: "Preverite vtič. Primerjajte `ip link show type can` s `can.interface`.",
  },
  down: {
    sentence: "Vmesnik CAN je izklopljen.",
    remedy: `${NETWORK} ali zaženite \`ip link set can0 up type can bitrate 500000 listen-only on\`.`,
  },
  unplugged: {
    sentence: "Vmesnik CAN je med delovanjem izginil.",
    remedy: "Preverite vtič in kabel. Enota vmesnik sama znova odpre.",
  },
  "bus-off": {
    sentence: "Krmilnik CAN je zaradi napak zapustil vodilo.",
    remedy:
      "Primerjajte bitno hitrost v `/etc/systemd/network/25-can0.network` s hitrostjo v vozilu. Preverite žici.",
  },
  "not-listen-only": {
    sentence:
      "Vmesnik CAN ni v načinu samo poslušanja ali pa načina ne more sporočiti. Enota ga noče uporabiti.",
    remedy: `${NETWORK}. Za vmesnik slcan, ki je odprt v načinu samo poslušanja (\`slcand -l\`): \`can.listenOnly: declared\`.`,
  },
  failed: {
    sentence: "Vmesnika CAN ni mogoče uporabiti.",
    remedy: "`detail` dogodka pove, kaj manjka. koffi: znova namestite paket. `ip`: `apt install iproute2`.",
  },
  "not-configured": {
    sentence: "Vodilo je nastavljeno, a ga enota ne posluša.",
    remedy: "Zaženite `check`, popravite, kar sporoči, in znova zaženite storitev.",
  },
} as const satisfies Record<string, FaultWords>;

const PANIC_BOARD = {
  "not-configured": {
    sentence: "Ploščica gumbov ni nastavljena.",
    remedy: "Dodajte blok `panic`. Če vozilo nima ploščice, napišite `panic: none`.",
  },
  programming: {
    sentence: "Ploščica gumbov se programira.",
    remedy:
      "Nič: konča se po približno 12 s, najpozneje po 120 s. Če ploščica takrat ne odgovarja, znova zaženite `flash firmware`.",
  },
  absent: {
    sentence: "Naprave ploščice gumbov ni.",
    remedy:
      "Preverite vtič. Primerjajte `ls -l /dev/serial/by-id/` s `panic.port`. Ploščica brez napajanja ne sveti.",
  },
  denied: { sentence: "Storitev ne sme odpreti naprave ploščice gumbov.", remedy: DIALOUT },
  unplugged: {
    sentence: "Ploščica gumbov je med delovanjem izginila.",
    remedy: "Znova jo priključite. Pritiski, ki si jih je ploščica zapomnila, takrat pridejo do enote.",
  },
  silent: {
    sentence: "Vrata ploščice gumbov so odprta, a ploščica ne odgovarja.",
    remedy:
      "Znova zaženite `doctor`; nato ploščico izključite in znova priključite. Če to ne pomaga, jo programirajte (firmware-bridge/PROTOCOL.md).",
  },
  "boot-loader": {
    sentence:
      "Ploščica gumbov odgovarja z zagonskim nalagalnikom in nima strojne programske opreme, ki bi jo lahko zagnala.",
    remedy: "Znova zaženite `patrol-unit flash firmware`.",
  },
  "not-ours": {
    sentence:
      "Na ploščici gumbov teče druga strojna programska oprema. Pritiski se berejo, a se ne zapomnijo, in zanke niso nadzorovane.",
    remedy: "Zaženite `patrol-unit flash firmware`: ta jo programira ali pove, kako.",
  },
  protocol: {
    sentence: "Ploščica gumbov govori drugo različico protokola.",
    remedy: "Programirajte ploščico s sliko nameščene izdaje (firmware-bridge/PROTOCOL.md).",
  },
  "reset-by-opening": {
    sentence: "Odpiranje vrat je ponastavilo ploščico gumbov. Približno sekundo ne vidi pritiska.",
    remedy:
      "Prekinite povezavo kondenzatorja DTR ali odstranite mostiček za ponastavitev (firmware-bridge/PROTOCOL.md).",
  },
  failed: {
    sentence: "Naprave ploščice gumbov ni mogoče uporabiti.",
    remedy:
      "Preberite `detail` dogodka. Ustavite drugi program (`fuser -v DEVICE` ga imenuje) ali popravite `panic.port`.",
  },
  "supply-low": {
    sentence: "Napajanje ploščice gumbov je prenizko. Ob zagonu motorja se lahko ustavi.",
    remedy:
      "Izmerite med 5V in GND na ploščici: prav je 4,8 do 5,2 V. Napajajte jo iz stabilizatorja 5 V (firmware-bridge/PROTOCOL.md). Če je izmerjena napetost prava: `patrol-unit board calibrate`.",
  },
  "lamp-cut": {
    sentence: "Skozi lučko ploščice gumbov ne teče tok. Policist ne vidi, kaj je s klicem.",
    remedy:
      "Preverite vtič, žice in LED. Če vozilo nima merilnega upora na A6, odstranite `panic.lampSense` iz konfiguracije.",
  },
  resets: {
    sentence: "Ploščica gumbov se je v eni uri ponastavila več kot trikrat. Med zagonom ne vidi pritiska.",
    remedy:
      "Preverite vtič in napajanje. Prekinite povezavo kondenzatorja DTR. Posodobite strojno programsko opremo. Okvara mine po uri brez ponastavitve.",
  },
} as const satisfies Record<string, FaultWords>;

const PANIC_LOOP = {
  open: {
    sentence: "Zanka do gumba je prekinjena. Pritisk tega gumba ni viden.",
    remedy: "Merite na ploščici: 2,5 V je običajno, 5 V je prekinitev. Popravite žico.",
  },
  short: {
    sentence: "Zanka do gumba je v kratkem stiku. Pritisk tega gumba ni viden.",
    remedy: "Merite na ploščici: 2,5 V je običajno, 0 V je kratek stik. Popravite kabel.",
  },
  degraded: {
    sentence: "Zanka do gumba ni takšna, kot bi morala biti. Pritisk morda ne bo viden.",
    remedy:
      "Merite na ploščici: 2,1 do 2,7 V je običajno. Očistite ali zamenjajte vtiče, osušite gumb in ga nato enkrat pritisnite.",
  },
  stuck: {
    sentence: "Gumb je pritisnjen že 60 s.",
    remedy: "Sprostite gumb. Ko je spuščen, je zanka spet običajna.",
  },
  untested: {
    sentence: "Gumb že dolgo ni bil pritisnjen. Morda ne deluje več.",
    remedy:
      "Pritisnite ga kot vajo: `patrol-unit drill`, nato gumb v 60 s. Če nič ne prispe, zamenjajte gumb.",
  },
} as const satisfies Record<string, FaultWords>;

const OUTBOX = {
  "disk-full": {
    sentence: "Disk je poln. Poročila gredo iz pomnilnika; klici na pomoč se še vedno shranjujejo.",
    remedy:
      "`df -h` in `du -xh / | sort -h | tail`: sprostite prostor. Zmanjšajte `outbox.maxMiB`. Enota si opomore sama.",
  },
  "disk-read-only": {
    sentence: "Na disk ni mogoče pisati: dovoljeno je le branje ali pa storitev tja ne sme pisati.",
    remedy:
      "Za pot PATH iz `outbox.path`: `findmnt -T PATH`, `ls -ld PATH`, `dmesg | tail`. Če je lastnik drug uporabnik: `chown -R patrol-unit: /var/lib/patrol-unit`. Kartico, ki odpoveduje, zamenjajte.",
  },
  "disk-failing": {
    sentence: "Disk javlja napako.",
    remedy:
      "`dmesg | tail`. Zamenjajte kartico. Pred tem shranite čakajoča poročila: `outbox export` (storitev ustavljena).",
  },
  "vital-file": {
    sentence:
      "Življenjsko pomembne datoteke ni bilo mogoče zapisati. Uporablja se njena rezerva v mapi izhodne vrste in nič ni izgubljeno.",
    remedy:
      "Po eni uri enota datoteko poskusi znova (pozneje enkrat na dan); okvara mine, če jo je mogoče zapisati. Če ostane, za pot PATH iz `outbox.path`: `ls -l PATH.vital`, `findmnt -T PATH.vital`, `dmesg | tail`. Popravite lastnika ali zamenjajte kartico. Znova zaženite storitev.",
  },
  repaired: {
    sentence: "Izhodna vrsta je bila poškodovana. Popravljena je ali pa umaknjena in zamenjana s prazno.",
    remedy:
      "Enkrat: nič. Znova v nekaj tednih: zamenjajte kartico. Poglejte v `outbox.damaged-DATE` z `outbox verify`.",
  },
} as const satisfies Record<string, FaultWords>;

const LINK = {
  refused: {
    sentence: "Gostitelj odgovarja, a na teh vratih ni posrednika.",
    remedy: "Preverite naslov. Operativnemu centru sporočite, da posrednik ne deluje.",
  },
  "unknown-host": {
    sentence: "Imena posrednika ni mogoče razrešiti.",
    remedy: "`getent hosts NAME`. Preverite `dispatch.brokers` in DNS modema.",
  },
  unreachable: {
    sentence: "Ni omrežja ali pa ni poti do posrednika.",
    remedy: "`ip route`. Preverite modem, kartico SIM in anteno.",
  },
  timeout: {
    sentence: "Gostitelj posrednika ne odgovarja.",
    remedy:
      "Poskusite `ping` do drugega gostitelja. Vprašajte operativni center, ali so druge enote povezane.",
  },
  certificate: {
    sentence: "TLS ni uspel.",
    remedy:
      "`date`. `openssl x509 -in unit.pem -noout -dates`. Primerjajte ime gostitelja s potrdilom posrednika.",
  },
  unauthorised: {
    sentence: "Posrednik te enote ne sprejme.",
    remedy:
      "Preverite `unit`, `dispatch.username` in `dispatch.password` ali CN v potrdilu. Operativni center prosite za dnevnik posrednika.",
  },
  version: {
    sentence: "Posrednik ne govori niti MQTT 5 niti MQTT 3.1.1.",
    remedy: "Preverite vrata. Operativni center naj dovoli MQTT 5 ali 3.1.1.",
  },
  "taken-over": {
    sentence: "Drug odjemalec se je povezal z oznako te enote.",
    remedy: "Primerjajte `unit` v obeh vozilih. Ustavite drugo storitev.",
  },
  stalled: {
    sentence: "Povezava je bila odprta, a skoznjo ni prišlo nič.",
    remedy: "Nič, če si opomore. Če se ponavlja ob dobrem signalu, naj operativni center pogleda posrednika.",
  },
  "no-listener": {
    sentence:
      "Celo minuto nobeno sporočilo pri tem posredniku ni imelo prejemnika. Enota gre k naslednjemu; če ga ni, ostane.",
    remedy:
      "Operativni center naj na tega posrednika priključi svoj program. Posrednik, ki sporočila jemlje po pravilih, nima prejemnikov: `dispatch.noSubscribers: settle`.",
  },
  "small-packets": {
    sentence:
      "Celo minuto čaka poročilo, ki je večje, kot ga ta posrednik sprejme. Enota gre k drugemu, ki ga morda sprejme.",
    remedy: "Nastavite ga na 1 MiB (mosquitto: `max_packet_size`).",
  },
  "emergency-too-large": {
    sentence:
      "Noben posrednik ne sprejme paketa, velikega kot klic na pomoč, čeprav je izpuščeno vse, kar se izpustiti da.",
    remedy:
      "Posrednika nastavite na vsaj 1.024 bajtov (mosquitto: `max_packet_size`), bolje na 1 MiB. Medtem uporabljajte radijsko zvezo.",
  },
  lost: {
    sentence: "Povezava s posrednikom se je zaprla.",
    remedy: "Nič, če si opomore. Sicer: ali je to posrednik in ali so to vrata za TLS?",
  },
  "credentials-unreadable": {
    sentence: "Datoteke, ki jo imenuje `dispatch.ca`, `cert` ali `key`, ni mogoče prebrati.",
    remedy: "`ls -l` za datoteko, ki jo imenuje `detail`. Dajte jo tja, berljivo za uporabnika patrol-unit.",
  },
  "credentials-kept": {
    sentence:
      "Datoteke, ki jo imenuje `dispatch.ca`, `cert` ali `key`, ni več mogoče uporabiti. Enota dela s tem, kar je prebrala nazadnje. `where` je datoteka.",
    remedy: "Pred naslednjim zagonom dajte tja celo datoteko, berljivo za uporabnika patrol-unit.",
  },
  failed: {
    sentence: "Povezava ni uspela iz drugega razloga, ki ga pove `detail`.",
    remedy: "Zaženite `doctor`. Preverite shemo in vrata v `dispatch.brokers`.",
  },
  "topic-refused": {
    sentence: "Posrednik zavrača eno temo. Druge gredo skozi. `where` je posrednik in tema.",
    remedy: 'Operativni center naj popravi pravila: "Access rules of the broker" v systemd/RUNBOOK.md.',
  },
  "answers-dropped": {
    sentence: "Več kot 256 odgovorov na ukaze je čakalo na posrednika. Najstarejši so zavrženi.",
    remedy: "Operativni center naj pošilja manj ukazov in čaka na odgovore.",
  },
  "copy-left": {
    sentence:
      "Zadržano sporočilo končanega klica na pomoč je morda ostalo na posredniku, ki ni več nastavljen. `where` je posrednik in tema.",
    remedy:
      "Odstranite zadržano sporočilo na posredniku ali posrednika vrnite v `dispatch.brokers`, kot je bil: enota ga potem odstrani sama.",
  },
  oversize: {
    sentence: "Sporočilo operativnega centra je bilo večje od 1 MiB. Preskočeno je. `where` je tema.",
    remedy: "Operativnemu centru sporočite, katera tema in kdaj. V vozilu ni kaj storiti.",
  },
  unsigned: {
    sentence:
      "Sporočilo operativnega centra ne velja: ni ga podpisal noben ključ iz `dispatch.requireSigned`. `where` pove, kaj je bilo: `ack`, `command` ali `receipt`.",
    remedy:
      "Vprašajte operativni center, ali je sporočilo poslal. Če ga je: naj podpisuje s ključem iz `dispatch.requireSigned`. Če ga ni: posredniku ni mogoče zaupati.",
  },
} as const satisfies Record<string, FaultWords>;

const POWER = {
  "not-scheduled": {
    sentence: "Računalnika po izklopu kontakta ni mogoče izklopiti.",
    remedy: `${RULES}.`,
  },
  "not-cancelled": {
    sentence: "Načrtovanega izklopa ni mogoče preklicati. Računalnik se lahko izklopi, ko je potreben.",
    remedy: `Takoj zaženite \`sudo shutdown -c\`. ${RULES}.`,
  },
} as const satisfies Record<string, FaultWords>;

const STATUS = {
  "cannot-listen": {
    sentence: "Naslova strani stanja ni mogoče odpreti. Vse drugo deluje.",
    remedy: "`ss -ltnp` imenuje program. Popravite `status.listen` in znova zaženite storitev.",
  },
} as const satisfies Record<string, FaultWords>;

const CUSTODY = {
  "no-receipts": {
    sentence: "Ves dan povezave operativni center ni potrdil, da hrani, kar posredniki prevzamejo.",
    remedy:
      "Vprašajte operativni center, ali njegov zapisovalnik deluje za to upravo, in za pravila posrednika za `receipt`. Če zapisovalnika ni: `dispatch.custody: broker`.",
  },
  unconfirmed: {
    sentence:
      "Operativni center ne dobi tega, kar ta posrednik potrdi, ali tega ne potrdi. Enota preide na naslednjega posrednika; če ga ni, ostane. `where` je naslov posrednika.",
    remedy:
      'Vprašajte operativni center, ali njegov zapisovalnik deluje in je povezan s tem posrednikom, ter zahtevajte popravek pravil: "Access rules of the broker" v systemd/RUNBOOK.md.',
  },
  "second-recorder": {
    sentence: "Dva zapisovalnika sporočata, kaj je operativni center shranil. Velja samo prvi.",
    remedy:
      "Ustavite enega od njiju. Za prehod na drugega ustavite prvega: po dnevu povezave brez njega velja drugi.",
  },
  restored: {
    sentence:
      "Operativni center ima številke, ki jih shramba te enote še ni dodelila: disk je starejša kopija. Začela se je nova shramba.",
    remedy: "Nič. Iste slike ne uporabljajte v dveh vozilih in je ne obnavljajte znova.",
  },
} as const satisfies Record<string, FaultWords>;

/** Slovene. */
export const SLOVENE: CatalogueWords = {
  device: {
    gps: GPS,
    can: CAN,
    "panic-board": PANIC_BOARD,
    "panic-loop": PANIC_LOOP,
    outbox: OUTBOX,
    link: LINK,
    power: POWER,
    status: STATUS,
    custody: CUSTODY,
  },
  configuration: {
    sentences: {
      yaml: "Datoteka ni veljaven YAML.",
      invalid: "Vrednost je napačna ali manjka.",
      "unknown-key": "Takega ključa ni.",
      "duplicate-key": "Ključ je napisan dvakrat. Velja drugi.",
      conflict: "Dve vrednosti si nasprotujeta.",
      "missing-file": "Datoteke, ki jo imenuje konfiguracija, ni.",
      "unreadable-file": "Datoteke ni mogoče prebrati.",
      exposed: "Zasebni ključ enote lahko berejo drugi na tem računalniku.",
      foreign: "Potrdilo enote pripada drugemu ključu ali drugi enoti.",
      expired: "Potrdilo enote je poteklo.",
      "no-ignition": "Računalnik se nikoli ne izklopi, ker signal kontakta ni preslikan.",
      "no-pin": "Naslov strani stanja je izklopljen, ker bi ga drugi računalniki dosegli brez PIN-a.",
    },
    remedy:
      "Zaženite `check`: izpiše datoteko, vrstico, stolpec in kaj se pričakuje. Popravite in znova zaženite storitev.",
  },
};
