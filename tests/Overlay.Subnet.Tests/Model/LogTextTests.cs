namespace Overlay.Subnet.Tests.Model;

public sealed class LogTextTests
{
    [Theory]
    [InlineData("subnets/10.1.2.0-24", "subnets/10.1.2.0-24")]
    [InlineData("a\nb\0\u202e\\", "a\\u000ab\\u0000\\u202e\\u005c")]
    public void C25_hostile_text_is_escaped(string text, string shown) => Assert.Equal(shown, LogText.Escape(text));

    [Fact]
    public void C25_long_text_is_cut() => Assert.Equal(new string('x', 80) + "... (65536 characters)", LogText.Escape(new string('x', 65536)));
}
