# Sourced by services.sh: one Kafka, broker and controller in one process.
# shellcheck shell=bash
# shellcheck disable=SC2154  # here, lane, lane_folder and is_secure are services.sh's

# Whether a topic is made when somebody asks for one that is not there. It must not be; where tests
# do harm it is, as on brokers that nobody has set up.
makes_topics() {
  if [ "$lane" = plain ] || [ "$lane" = secure ]; then echo false; else echo true; fi
}

kafka_properties() { # FOLDER PORT CONTROLLER_PORT
  cat <<END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$3
controller.listener.names=CONTROLLER
inter.broker.listener.name=CLIENT
listeners=CLIENT://127.0.0.1:$2,CONTROLLER://127.0.0.1:$3
advertised.listeners=CLIENT://127.0.0.1:$2
log.dirs=$1/data
auto.create.topics.enable=$(makes_topics)
num.partitions=3
# One node: what the cluster keeps for itself has one copy.
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
# A broker that was killed is let in again when its former session is over, by default after 9 s.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
# Small: tests share a machine.
num.network.threads=2
num.io.threads=4
background.threads=2
log.cleaner.dedupe.buffer.size=16777216
log.segment.delete.delay.ms=1000
group.initial.rebalance.delay.ms=0
END
  if ! $is_secure; then
    echo 'listener.security.protocol.map=CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT'
    return
  fi
  local login='org.apache.kafka.common.security.scram.ScramLoginModule required'
  cat <<END
listener.security.protocol.map=CLIENT:SASL_SSL,CONTROLLER:PLAINTEXT
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
listener.name.client.scram-sha-512.sasl.jaas.config=$login \\
  username="$secrets_user" password="$(<"$(secrets_folder)/password")";
ssl.keystore.type=PEM
ssl.keystore.location=$(secrets_folder)/server.pem
ssl.truststore.type=PEM
ssl.truststore.location=$(secrets_folder)/ca.pem
END
}

# Once per data folder. The user's password goes by a file: arguments are for all to see.
format_kafka() { # FOLDER JAVA_ARGUMENT…
  local folder=$1 arguments=$1/format.arguments
  shift
  printf '%s\n' format --cluster-id bWlua2UtdGVzdC1rYWZrYQ --config "$folder/server.properties" \
    >"$arguments"
  if $is_secure; then
    printf '%s\n' --add-scram "SCRAM-SHA-512=[name=$secrets_user,password=$(
      cat "$(secrets_folder)/password")]" >>"$arguments"
  fi
  if ! "$java" "$@" kafka.tools.StorageTool "@$arguments" >"$folder/format.log" 2>&1; then
    tail -n 20 "$folder/format.log" >&2
    fail 75 "Kafka's data folder could not be formatted"
  fi
  rm -f "$arguments"
}

start_kafka() {
  local folder=$lane_folder/kafka ports options
  read -ra ports < <(ports_of kafka 2)
  options=(-Xms256m -Xmx256m -XX:+UseSerialGC -cp "$(jars_of kafka)/*"
    "-Dlog4j.configuration=file:$here/kafka/log4j.properties")
  (umask 077 && kafka_properties "$folder" "${ports[@]}" >"$folder/server.properties")
  [ -e "$folder/data/meta.properties" ] ||
    (umask 077 && format_kafka "$folder" -XX:TieredStopAtLevel=1 "${options[@]}")
  launch kafka 'Kafka Server started' "${options[@]}" kafka.Kafka "$folder/server.properties"
}

env_of_kafka() {
  printf 'export MINKE_KAFKA=127.0.0.1:%s\n' "$(first_port kafka)"
  printf 'export MINKE_KAFKA_REPLICATION=1\n' # of topics: it is a single broker
  if $is_secure; then
    printf 'export MINKE_KAFKA_USER=%s\n' "$secrets_user"
    printf 'export MINKE_KAFKA_PASSWORD_FILE=%q\n' "$(secrets_folder)/password"
    printf 'export MINKE_KAFKA_CA=%q\n' "$(secrets_folder)/ca.pem"
  fi
}
