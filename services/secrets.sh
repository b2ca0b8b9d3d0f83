# Sourced by services.sh: passwords and certificates of the secure lane, made anew for each life of
# the lane. All lie in LANE_FOLDER/secrets:
#
#   ca.pem          the authority that the servers' certificate is signed by
#   server.pem      the servers' certificate and key. It is good for 127.0.0.1 and no other name
#   other-ca.pem    an authority that signed nothing here
#   password        of the user "minke" in both servers
#   wrong-password  some other one
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154  # lane_folder is services.sh's

secrets_user=minke

secrets_folder() { printf '%s/secrets' "$lane_folder"; }

new_password() { openssl rand -hex 16; }

new_authority() { # CERTIFICATE_FILE KEY_FILE NAME
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
    -subj "/CN=$3" -out "$1" -keyout "$2" 2>/dev/null
}

make_secrets() {
  local folder half
  folder=$(secrets_folder)
  [ ! -e "$folder" ] || return 0
  command -v openssl >/dev/null || fail 78 'openssl is missing: apt-get install openssl'
  mkdir -p "$lane_folder"
  half=$(umask 077 && mktemp -d "$folder.XXXXXX")
  (
    umask 077
    cd "$half"
    new_password >password
    new_password >wrong-password
    new_authority ca.pem ca.key 'minke test services'
    new_authority other-ca.pem other-ca.key 'somebody else'
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=minke test server' \
      -keyout server.key -out server.request 2>/dev/null
    openssl x509 -req -in server.request -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 \
      -extfile <(printf 'subjectAltName=IP:127.0.0.1\n') -out server.certificate 2>/dev/null
    cat server.key server.certificate ca.pem >server.pem
    rm -f ca.key ca.srl other-ca.key server.key server.request server.certificate
  ) || fail 78 'the certificates of the secure lane could not be made'
  mv -T "$half" "$folder"
}
