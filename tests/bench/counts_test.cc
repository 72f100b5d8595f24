#include "bench/gateway/counts.h"

#include <gtest/gtest.h>

namespace hitless::bench {
namespace {

TEST(BenchCounts, ReadsTheTotalOfCachegrindAndCallgrind) {
  EXPECT_EQ(instructions_in("desc: I1 cache: none\ncmd: x\nevents: Ir\nfl=a.cc\nfn=f\n1 70\n"
                            "summary: 123456789\n"),
            123456789);
  EXPECT_EQ(instructions_in("version: 1\nevents: Ir Dr\nsummary: 0 0\n"), 0);
  EXPECT_EQ(instructions_in("events: Ir Dr Dw\nfn=(1) f\n1 2 3 4\ntotals: 42 3 4\n"), 42);
}

TEST(BenchCounts, AFileWithoutInstructionsIsNone) {
  EXPECT_FALSE(instructions_in(""));
  EXPECT_FALSE(instructions_in("events: Ir\nfn=f\n1 70\n"));  // it was cut
  EXPECT_FALSE(instructions_in("events: Dr Ir\nsummary: 1 2\n"));
  EXPECT_FALSE(instructions_in("events: Ir\nsummary: many\n"));
}

TEST(BenchCounts, AddsUpWhatPerfCounted) {
  EXPECT_EQ(events_in("109,,raw_syscalls:sys_enter,849808,100.00,,\n"), 109);
  EXPECT_EQ(events_in("# started on Mon\n\n5,,a,1,100.00,,\n7,,b,1,100.00,,\n"), 12);
}

TEST(BenchCounts, WhatPerfCouldNotCountIsNone) {
  EXPECT_FALSE(events_in("<not counted>,,a,0,0.00,,\n"));
  EXPECT_FALSE(events_in("5,,a,1,100.00,,\n<not supported>,,b,0,0.00,,\n"));
  EXPECT_FALSE(events_in("# started on Mon\n\n"));
}

}  // namespace
}  // namespace hitless::bench
