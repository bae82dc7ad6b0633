using System.Reflection;
using System.Text;
using System.Text.Json;
using CsCheck;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Tests.Wire;

/// <summary>A request drawn at random: which operation, and the bytes of its body.</summary>
internal sealed record DrawnRequest(string Operation, byte[] Body)
{
    private const int ShownMax = 2000;

    public override string ToString() => $"{Operation} {Encoding.Latin1.GetString(Body.AsSpan(0, Math.Min(Body.Length, ShownMax)))} ({Body.Length} bytes)";
}

/// <summary>
/// Draws requests: mostly of the service model's form, with members left out, doubled, nested, huge, of another type or of odd Unicode,
/// and some that are any JSON at all, or none.
/// </summary>
/// <param name="known">For an operation and a shape of text, the JSON values that name something; empty for a shape of no such kind.</param>
internal sealed class AnyRequest(Func<string, string, string[]> known)
{
    private static readonly JsonElement s_model = ReadModel();

    private static readonly Gen<string> s_text = Gen.OneOf(
        "\"\"", "\" \"", "\"a\"", "\"fruit\"", "\"a.b-c_d\"", "\"\\u0000\"", "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\\uffff\"", "\"\u202egnp.exe\"",
        "\"e\u0301\"", "\"𝕏𝕐\"", "\"👩‍👩‍👧\"", "\"ﷺ\"", "\"\\n\\r\\t\"",
        "\"' OR 1=1 --\"", "\"../../etc/passwd\"", "\"%s%n\"", "\"٣\"", "\"true\"", "\"5\"", "\"aws:x\"", "\"YQ==\"", "\"YQ=\"", "\"====\"",
        "\"arn:aws:rekognition:us-east-1:123456789012:project/a/0\"", "\"arn:aws:rekognition:us-east-1:٣٣٣٣٣٣٣٣٣٣٣٣:project/a/1\"",
        "\"arn:aws:rekognition:us-east-1:123456789012:project/a/99999999999999999999999999\"",
        Quoted('n', 255), Quoted('n', 256), Quoted('é', 5000), Quoted('A', 200_000));

    private static readonly Gen<string> s_number = Gen.OneOf(
        "0", "1", "-1", "2", "100", "101", "1.5", "-0.0", "1e2", "2147483647", "2147483648", "-9223372036854775809", "99999999999999999999999", "1e400",
        "1e-400", "NaN", "Infinity", "01");

    private static readonly Gen<string> s_plain = Gen.Frequency((4, s_text), (3, s_number), (1, Gen.OneOf("null", "true", "false", "\"\\", "\u0001", "")));

    private static readonly Gen<string> s_any = Deeper(Deeper(Deeper(s_plain)));

    private static readonly Gen<string> s_deep =
        from depth in Gen.OneOf(Gen.Int[1, 70], Gen.Int[1000, 100_000])
        from form in Gen.Int[0, 2]
        select form switch
        {
            0 => new string('[', depth) + new string(']', depth),
            1 => string.Concat(Enumerable.Repeat("{\"a\":", depth)) + "1" + new string('}', depth),
            _ => new string('[', depth),
        };

    /// <summary>The names of the 23 operations.</summary>
    public static IReadOnlyList<string> Operations { get; } = [.. s_model.GetProperty("operations").EnumerateObject().Select(o => o.Name)];

    /// <summary>The errors that the service model gives an operation.</summary>
    public static HashSet<string> ErrorsOf(string operation) =>
        [.. s_model.GetProperty("operations").GetProperty(operation).GetProperty("errors").EnumerateArray().Select(e => e.GetString()!)];

    /// <summary>Requests of all operations alike.</summary>
    public Gen<DrawnRequest> All() => Gen.OneOf([.. Operations.Select(Of)]);

    /// <summary>Requests of one operation.</summary>
    public Gen<DrawnRequest> Of(string operation)
    {
        var formed = Value(operation, s_model.GetProperty("operations").GetProperty(operation).GetProperty("input").GetString()!);
        var bytes = Gen.Frequency((24, formed), (1, s_any), (1, s_deep)).Select(Encoding.UTF8.GetBytes);
        return Gen.Frequency((20, bytes), (1, Gen.Select(bytes, Gen.Double.Unit, Gen.Byte, Gen.Int[0, 2], Damaged)))
            .Select(body => new DrawnRequest(operation, body));
    }

    private Gen<string> Value(string operation, string name)
    {
        var shape = s_model.GetProperty("shapes").GetProperty(name);
        if (known(operation, name) is { Length: > 0 } named)
        {
            return Gen.OneOf(named);
        }

        return shape.GetProperty("type").GetString() switch
        {
            "structure" => Structure(operation, shape),
            "list" => Odd(Value(operation, MemberOf(shape, "member"))).Array[0, 3].Select(items => $"[{string.Join(',', items)}]"),
            "map" =>
                Gen.Select(
                    Odd(Value(operation, MemberOf(shape, "key")), keys: true), Odd(Value(operation, MemberOf(shape, "value"))),
                    (key, value) => $"{key}:{value}").Array[0, 3]
                .Select(pairs => $"{{{string.Join(',', pairs)}}}"),
            "boolean" => Gen.OneOf("true", "false"),
            "integer" => Gen.Int[1, 5].Select(n => $"{n}"),
            "float" => Gen.OneOf("0", "50", "99.9", "100"),
            _ when shape.TryGetProperty("enum", out var values) => Gen.OneOf([.. values.EnumerateArray().Select(v => v.GetRawText())]),
            _ => Gen.OneOf("\"fruit\"", "\"pears\"", "\"a.b-c_d\""),
        };
    }

    private Gen<string> Structure(string operation, JsonElement shape)
    {
        var required = shape.TryGetProperty("required", out var list) ? list.EnumerateArray().Select(r => r.GetString()).ToHashSet() : [];
        var members = Gen.Const("");
        foreach (var member in shape.GetProperty("members").EnumerateObject())
        {
            var value = Value(operation, member.Value.GetProperty("shape").GetString()!);
            var one = value.Select(v => $"\"{member.Name}\":{v},");
            var odd = Odd(value).Select(v => $"\"{member.Name}\":{v},");
            var drawn = Gen.Frequency(
                (required.Contains(member.Name) ? 36 : 16, one), (required.Contains(member.Name) ? 1 : 20, Gen.Const("")), (1, odd),
                (1, Gen.Select(one, odd, string.Concat)));
            members = Gen.Select(members, drawn, string.Concat);
        }

        var more = Gen.Frequency((12, Gen.Const("")), (1, Gen.Select(s_text, s_plain, (key, value) => $"{key}:{value},")));
        return Gen.Select(members, more, (all, extra) => $"{{{(all + extra).TrimEnd(',')}}}");
    }

    private static Gen<string> Odd(Gen<string> value, bool keys = false) => keys
        ? Gen.Frequency((5, value), (1, s_text))
        : Gen.Frequency(
            (16, value), (2, s_plain), (1, s_any), (1, Gen.OneOf("null", "[null]", "{\"\":null}")), (1, value.Select(v => $"[{v}]")),
            (1, value.Select(v => $"{{\"Value\":{v}}}")), (1, s_deep));

    private static Gen<string> Deeper(Gen<string> inner) => Gen.Frequency(
        (2, inner),
        (1, inner.Array[0, 4].Select(items => $"[{string.Join(',', items)}]")),
        (1, Gen.Select(s_text, inner, (key, value) => $"{key}:{value}").Array[0, 4].Select(pairs => $"{{{string.Join(',', pairs)}}}")));

    private static byte[] Damaged(byte[] body, double place, byte value, int how)
    {
        var at = (int)(place * body.Length);
        return how switch
        {
            0 => body[..at],
            1 => [.. body[..at], value, .. body[at..]],
            _ => [.. body[..at], value, .. body[Math.Min(body.Length, at + 1)..]],
        };
    }

    private static string Quoted(char letter, int length) => $"\"{new string(letter, length)}\"";

    private static string MemberOf(JsonElement shape, string name) => shape.GetProperty(name).GetProperty("shape").GetString()!;

    private static JsonElement ReadModel()
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream("api.json")!;
        return JsonDocument.Parse(stream).RootElement.Clone();
    }
}
