#!/usr/bin/ruby
# line.rb LINE EVENTS: waits for so many events of a line, such as /dev/irq/0000:00:02.0/msi0.
$stdout.sync = true

File.open(ARGV[0]) do |line|
  puts "open"
  ARGV[1].to_i.times do
    # The poll arms the line.  Without a time-out, sysread alone is sufficient.
    line.wait_readable(10) or abort "no interrupt"
    puts line.sysread(4).unpack1("i")
    # Here, make the device quiet.
  end
end
