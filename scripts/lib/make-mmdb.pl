#!/usr/bin/perl
# Makes a small mmdb file in the layout of GeoLite2-City, with autonomous systems, for tests and the demo:
#
#   make-mmdb.pl OUT.mmdb [city|asn|all]     default all: city and ASN data in one file
#   make-mmdb.pl --list                      the networks: network, country, city; one a line
#
# The networks are those reserved for documentation (RFC 5737, RFC 3849) and a few that look like real ones; the places are
# real, who lives there is not.  Needs libmaxmind-db-writer-perl.
use strict;
use warnings;
use utf8;

# network, country, name, German name, continent, city, German city, region, postal, latitude, longitude, time zone, ASN, organisation
my @networks = (
  ['192.0.2.0/25',       'DE', 'Germany',        'Deutschland',            'EU', 'Berlin',    'Berlin',    'State of Berlin', '10115',    52.5244,  13.4105,  'Europe/Berlin',       64496, 'Example Netz GmbH'],
  ['192.0.2.128/25',     'DE', 'Germany',        'Deutschland',            'EU', 'Munich',    'München',   'Bavaria',         '80331',    48.1374,  11.5755,  'Europe/Berlin',       64496, 'Example Netz GmbH'],
  ['198.51.100.0/25',    'FR', 'France',         'Frankreich',             'EU', 'Paris',     'Paris',     'Île-de-France',   '75001',    48.8534,  2.3488,   'Europe/Paris',        64497, 'Réseau Exemple'],
  ['198.51.100.128/25',  'GB', 'United Kingdom', 'Vereinigtes Königreich', 'EU', 'London',    'London',    'England',         'EC1A',     51.5085,  -0.1257,  'Europe/London',       64498, 'Example Networks Ltd'],
  ['203.0.113.0/26',     'US', 'United States',  'USA',                    'NA', 'New York',  'New York',  'New York',        '10001',    40.7143,  -74.0060, 'America/New_York',    64499, 'Example Cable Inc.'],
  ['203.0.113.64/26',    'US', 'United States',  'USA',                    'NA', 'Portland',  'Portland',  'Oregon',          '97201',    45.5234,  -122.6762, 'America/Los_Angeles', 64499, 'Example Cable Inc.'],
  ['203.0.113.128/26',   'JP', 'Japan',          'Japan',                  'AS', 'Tokyo',     'Tokio',     'Tokyo',           '100-0001', 35.6895,  139.6917, 'Asia/Tokyo',          64500, '例示ネットワーク'],
  ['203.0.113.192/26',   'AU', 'Australia',      'Australien',             'OC', 'Sydney',    'Sydney',    'New South Wales', '2000',     -33.8679, 151.2073, 'Australia/Sydney',    64501, 'Example "Down Under" Pty'],
  ['81.2.69.0/24',       'GB', 'United Kingdom', 'Vereinigtes Königreich', 'EU', 'Leeds',     'Leeds',     'England',         'LS1',      53.7965,  -1.5478,  'Europe/London',       64498, 'Example Networks Ltd'],
  ['89.160.20.0/24',     'SE', 'Sweden',         'Schweden',               'EU', 'Linköping', 'Linköping', 'Östergötland',    '581 00',   58.4109,  15.6216,  'Europe/Stockholm',    64502, 'Exempelnät AB'],
  ['177.32.0.0/16',      'BR', 'Brazil',         'Brasilien',              'SA', 'São Paulo', 'São Paulo', 'São Paulo',       '01000',    -23.5475, -46.6361, 'America/Sao_Paulo',   64503, 'Rede Exemplo'],
  ['41.190.0.0/16',      'NG', 'Nigeria',        'Nigeria',                'AF', 'Lagos',     'Lagos',     'Lagos',           undef,      6.4541,   3.3947,   'Africa/Lagos',        64504, 'Example Telecom'],
  ['2001:db8:1::/48',    'DE', 'Germany',        'Deutschland',            'EU', 'Hamburg',   'Hamburg',   'Hamburg',         '20095',    53.5507,  9.9930,   'Europe/Berlin',       64496, 'Example Netz GmbH'],
  ['2001:db8:2::/48',    'US', 'United States',  'USA',                    'NA', 'Chicago',   'Chicago',   'Illinois',        '60601',    41.8500,  -87.6500, 'America/Chicago',     64499, 'Example Cable Inc.'],
  ['2001:db8:3::/48',    'SG', 'Singapore',      'Singapur',               'AS', 'Singapore', 'Singapur',  undef,             '018956',   1.2897,   103.8501, 'Asia/Singapore',      64505, 'Example Pacific'],
  ['2001:db8:4::/48',    'ES', 'Spain',          'Spanien',                'EU', undef,       undef,       undef,             undef,      40.4172,  -3.6840,  'Europe/Madrid',       64506, 'Red de Ejemplo'],
);

my ($out, $kind) = (@ARGV, 'all');
if (defined $out && $out eq '--list') {
  binmode STDOUT, ':utf8';
  print join("\t", $_->[0], $_->[1], $_->[5] // ''), "\n" for @networks;
  exit 0;
}
unless (@ARGV && @ARGV <= 2 && $kind =~ /^(city|asn|all)$/) {
  print STDERR "usage: $0 OUT.mmdb [city|asn|all] | --list\n";
  exit 2;
}
eval { require MaxMind::DB::Writer::Tree; 1 } or do {
  print STDERR "$0: the Perl module MaxMind::DB::Writer::Tree is missing: apt-get install libmaxmind-db-writer-perl\n";
  exit 1;
};

my %types = (
  continent => 'map', code => 'utf8_string', names => 'map', en => 'utf8_string', de => 'utf8_string',
  country => 'map', iso_code => 'utf8_string', city => 'map', subdivisions => ['array', 'map'], postal => 'map',
  location => 'map', latitude => 'double', longitude => 'double', accuracy_radius => 'uint16', time_zone => 'utf8_string',
  autonomous_system_number => 'uint32', autonomous_system_organization => 'utf8_string',
);

sub record {
  my ($net, $country, $name, $name_de, $continent, $city, $city_de, $region, $postal, $lat, $lon, $zone, $asn, $org) = @_;
  my %r;
  if ($kind ne 'asn') {
    $r{continent} = {code => $continent};
    $r{country} = {iso_code => $country, names => {en => $name, de => $name_de}};
    $r{city} = {names => {en => $city, de => $city_de}} if defined $city;
    $r{subdivisions} = [{names => {en => $region}}] if defined $region;
    $r{postal} = {code => $postal} if defined $postal;
    $r{location} = {latitude => $lat, longitude => $lon, accuracy_radius => 20, time_zone => $zone};
  }
  if ($kind ne 'city') {
    $r{autonomous_system_number} = $asn;
    $r{autonomous_system_organization} = $org;
  }
  return \%r;
}

my $tree = MaxMind::DB::Writer::Tree->new(
  ip_version => 6, record_size => 24, database_type => 'Example-' . ucfirst $kind, languages => ['en', 'de'],
  description => {en => 'Example data, not real'}, alias_ipv6_to_ipv4 => 1, remove_reserved_networks => 0,
  map_key_type_callback => sub { $types{$_[0]} },
);
$tree->insert_network($_->[0], record(@$_)) for @networks;
open my $fh, '>:raw', "$out.new" or die "$0: $out.new: $!\n";
$tree->write_tree($fh);
close $fh or die "$0: $out.new: $!\n";
rename "$out.new", $out or die "$0: $out: $!\n";
