#include "adapter/cassandra/key_text.h"

#include <gtest/gtest.h>

namespace minke {
namespace {

TEST(KeyText, PlainNamesStayAsTheyAre) {
  EXPECT_EQ(KeyTextOf("winners-3-17"), "winners-3-17");
  EXPECT_EQ(KeyTextOf("report-0-2"), "report-0-2");
}

TEST(KeyText, WhatIsNotPrintableIsEscaped) {
  EXPECT_EQ(KeyTextOf(""), "%");
  EXPECT_EQ(KeyTextOf("a b\n%"), "a%20b%0A%25");
  EXPECT_EQ(KeyTextOf("caf\xc3\xa9"), "caf%C3%A9");
}

TEST(KeyText, EveryNameComesBack) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  for (const std::string& name : {all, std::string(), std::string("%"), std::string("%41"),
                                  std::string("%%"), std::string(1, '\0')}) {
    EXPECT_EQ(NameOfKeyText(KeyTextOf(name)), name);
  }
}

TEST(KeyText, AnyTextIsReadWithoutHarm) {
  EXPECT_EQ(NameOfKeyText("a%"), "a%");
  EXPECT_EQ(NameOfKeyText("a%4"), "a%4");
  EXPECT_EQ(NameOfKeyText("%zz"), std::string(1, '\0'));
}

}  // namespace
}  // namespace minke
