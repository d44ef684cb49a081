namespace Overlay.Architecture.Tests;

/// <summary>The rules are worth no more than the reader they look through.</summary>
public class SourceTextTests
{
    [Theory]
    [InlineData("a(); // unsafe\nb();")]
    [InlineData("/// <summary>unsafe</summary>\nb();")]
    [InlineData("/* unsafe\n unsafe */ b();")]
    [InlineData("a(\"unsafe\"); b();")]
    [InlineData("a(\"\\\"unsafe\"); b();")]
    [InlineData("a(@\"unsafe\\\"); b();")]
    [InlineData("a(\"\"\"unsafe \"quoted\" unsafe\"\"\"); b();")]
    [InlineData("a('\"'); /* unsafe */ b(); a('\"');")]
    public void A_word_in_a_comment_or_string_is_not_code(string source)
    {
        string code = SourceText.CodeOnly(source);

        Assert.DoesNotContain("unsafe", code, StringComparison.Ordinal);
        Assert.Contains("b();", code, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("unsafe struct A;")]
    [InlineData("a(\"//\"); unsafe { }")]
    [InlineData("a('\\''); unsafe { } a('\\u0041');")]
    [InlineData("a(@\"c:\\\"); unsafe { } a(\"\");")]
    public void A_word_in_code_stays(string source) =>
        Assert.Contains("unsafe", SourceText.CodeOnly(source), StringComparison.Ordinal);

    [Theory]
    [InlineData("one", 1)]
    [InlineData("one\n", 1)]
    [InlineData("one\ntwo\n", 2)]
    public void A_final_line_end_begins_no_line(string source, int lines) => Assert.Equal(lines, SourceText.LineCount(source));
}
