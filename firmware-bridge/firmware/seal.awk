# Appends the seal (handover.h) to an Intel HEX image. First input: what `cksum` prints of the image's bytes.
function byte(value) {
    sum += value
    return sprintf("%02X", value)
}
NR == 1 {
    crc = $1
    bytes = $2
    record = ":" byte(6) byte(123) byte(250) byte(0) byte(bytes % 256) byte(int(bytes / 256))
    for (i = 0; i < 4; i++) {
        record = record byte(crc % 256)
        crc = int(crc / 256)
    }
    record = record sprintf("%02X\r", (256 - sum % 256) % 256)
    next
}
/^:00000001/ { print record }
{ print }
