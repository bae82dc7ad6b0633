using System.ComponentModel.DataAnnotations;
using System.Reflection;
using System.Text.Json;
using Ocellus.Refusals;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Tests.Wire.AwsJson;

/// <summary>Holds every record and constraint against the service model, so that the wire cannot drift.</summary>
public sealed class WireModelTests
{
    private static readonly JsonElement s_model = ReadModel();

    [Fact]
    public void Every_structure_has_the_members_of_the_model_and_no_others()
    {
        foreach (var (name, type) in Reachable())
        {
            var members = s_model.GetProperty("shapes").GetProperty(name).GetProperty("members").EnumerateObject().Select(m => m.Name).Order();
            Assert.Equal(members, type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Select(p => p.Name).Order());
        }
    }

    [Fact]
    public void Every_member_is_required_where_the_model_says_so_and_has_its_shape()
    {
        foreach (var (name, type) in Reachable())
        {
            var shape = s_model.GetProperty("shapes").GetProperty(name);
            var required = shape.TryGetProperty("required", out var list) ? list.EnumerateArray().Select(r => r.GetString()).ToHashSet() : [];
            foreach (var property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance))
            {
                Assert.True(
                    required.Contains(property.Name) == (property.GetCustomAttribute<RequiredAttribute>() is not null), $"{name}.{property.Name} required");
                var member = shape.GetProperty("members").GetProperty(property.Name).GetProperty("shape").GetString()!;
                if (TypeOf(member) != "structure")
                {
                    Assert.Equal(member, property.GetCustomAttribute<ShapeAttribute>()?.Name);
                }
            }
        }
    }

    [Fact]
    public void Every_constraint_equals_the_model_s()
    {
        Assert.NotEmpty(Shapes.All);
        foreach (var (name, shape) in Shapes.All)
        {
            var model = s_model.GetProperty("shapes").GetProperty(name);
            Assert.True(Number(model, "min") == shape.Min, $"{name} min");
            Assert.True(Number(model, "max") == shape.Max, $"{name} max");
            Assert.Equal(model.TryGetProperty("pattern", out var pattern) ? pattern.GetString() : null, shape.Pattern);
            Assert.Equal(model.TryGetProperty("enum", out var values) ? values.EnumerateArray().Select(v => v.GetString()) : null, shape.Values);
        }
    }

    [Fact]
    public void The_table_has_the_23_operations_of_the_model()
    {
        Assert.Equal(s_model.GetProperty("operations").EnumerateObject().Select(o => o.Name).Order(), Operations.All.Select(o => o.Name).Order());
    }

    [Fact]
    public void Every_refusal_is_an_error_of_the_model_with_its_status()
    {
        var statuses = s_model.GetProperty("httpStatus");
        foreach (var kind in Enum.GetValues<RefusalKind>())
        {
            var error = AwsErrors.Of(kind);
            Assert.Equal(statuses.GetProperty(error.Name).GetInt32(), error.Status);
        }
    }

    /// <summary>Every structure of the model that an operation's request or response leads to, with the record that stands for it.</summary>
    private static IEnumerable<(string Name, Type Type)> Reachable()
    {
        var open = new Queue<(string Name, Type Type)>();
        foreach (var operation in Operations.All)
        {
            var model = s_model.GetProperty("operations").GetProperty(operation.Name);
            var messages = operation.BaseType!.GetGenericArguments();
            open.Enqueue((model.GetProperty("input").GetString()!, messages[0]));
            open.Enqueue((model.GetProperty("output").GetString()!, messages[1]));
        }

        var seen = new HashSet<(string, Type)>();
        while (open.TryDequeue(out var next))
        {
            if (!seen.Add(next))
            {
                continue;
            }

            var shape = s_model.GetProperty("shapes").GetProperty(next.Name);
            switch (TypeOf(next.Name))
            {
                case "list" when next.Type.IsGenericType:
                    open.Enqueue((shape.GetProperty("member").GetProperty("shape").GetString()!, next.Type.GetGenericArguments()[0]));
                    break;
                case "structure":
                    Assert.Equal(next.Name, next.Type.Name);
                    foreach (var member in shape.GetProperty("members").EnumerateObject())
                    {
                        // A member that the record lacks is the finding of the test of members.
                        if (next.Type.GetProperty(member.Name) is { } property)
                        {
                            open.Enqueue((member.Value.GetProperty("shape").GetString()!, property.PropertyType));
                        }
                    }

                    yield return next;
                    break;
                default:
                    break;
            }
        }
    }

    private static string TypeOf(string shape) => s_model.GetProperty("shapes").GetProperty(shape).GetProperty("type").GetString()!;

    private static double? Number(JsonElement shape, string name) => shape.TryGetProperty(name, out var value) ? value.GetDouble() : null;

    private static JsonElement ReadModel()
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream("api.json")!;
        return JsonDocument.Parse(stream).RootElement.Clone();
    }
}
