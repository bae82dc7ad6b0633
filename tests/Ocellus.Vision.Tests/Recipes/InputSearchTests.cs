using NetVips;
using Ocellus.Vision.Inference;
using Ocellus.Vision.Recipes;

namespace Ocellus.Vision.Tests.Recipes;

[Collection(nameof(Alone))]
public sealed class InputSearchTests
{
    private static readonly ClassifierDesign _small = new(ClassifierInput.Square(224), ClassifierHeadKind.Average);
    private static readonly ClassifierDesign _large = new(new ClassifierInput(640, 480, true), ClassifierHeadKind.Average);

    [Fact]
    public void The_cheapest_input_is_chosen_that_is_not_worse_than_the_best_by_more_than_chance()
    {
        // The mean difference is 0.1 in both, its standard error 0.03 where all images agree and 0.3 where few do.
        double[] best = [.. Enumerable.Repeat(.2, 10)];
        double[] clearly = [.. Enumerable.Range(0, 10).Select(i => .3 + (i % 2 == 0 ? .1 : -.1))];
        double[] perhaps = [.. Enumerable.Range(0, 10).Select(i => .3 + (i % 2 == 0 ? .9 : -.9))];

        Assert.Equal(_large, InputSearch.Choose([Trial(_small, clearly), Trial(_large, best)], 1.28).Design);
        Assert.Equal(_small, InputSearch.Choose([Trial(_small, perhaps), Trial(_large, best)], 1.28).Design);
        Assert.Equal(_small, InputSearch.Choose([Trial(_small, best), Trial(_large, clearly)], 1.28).Design);
        // As many right, only less sure of it.
        Assert.Equal(_small, InputSearch.Choose([Trial(_small, clearly) with { Score = .5 }, Trial(_large, best) with { Score = .5 }], 1.28).Design);
    }

    [Fact]
    public void Of_the_heads_of_the_chosen_input_the_best_is_chosen()
    {
        double[] best = [.. Enumerable.Repeat(.2, 10)];
        // By chance alone this is no worse: nothing would speak against it but that it is.
        double[] perhaps = [.. Enumerable.Range(0, 10).Select(i => .3 + (i % 2 == 0 ? .9 : -.9))];
        ClassifierDesign evidence = _large with { Head = ClassifierHeadKind.Evidence };

        Assert.Equal(evidence, InputSearch.Choose([Trial(_large, perhaps), Trial(evidence, best)], 1.28).Design);
        Assert.Equal(_large, InputSearch.Choose([Trial(_large, best), Trial(evidence, perhaps)], 1.28).Design);
        Assert.Equal(_large, InputSearch.Choose([Trial(_large, perhaps) with { IsTuned = true }, Trial(evidence, best)], 1.28).Design);
    }

    [Fact]
    public void What_is_small_is_learnt_from_labels_of_images_and_shown_in_its_place()
    {
        (ClassifierTask task, _) = Marks(48);
        var plan = new ClassifierPlan
        {
            Threads = 2,
            Views = 1,
            FineTune = false,
            Head = new HeadPlan { FrozenSteps = 200 },
            Design = new ClassifierDesign(new ClassifierInput(512, 384, true), ClassifierHeadKind.Evidence),
        };

        ClassifierResult result = ClassifierTrainer.Train(task, plan, cancel: TestContext.Current.CancellationToken);

        Assert.Equal((512, 384, "fit"), (result.Description.Width, result.Description.Height, result.Description.Resize));
        using var model = new TrainedModel(result.Model, result.Description);
        (ClassifierTask tested, (int X, int Y)[] where) = Marks(20, seed: 9);
        int right = 0, shown = 0;
        for (int i = 0; i < 20; i++)
        {
            PreparedImage image = model.Prepare(tested.Images.Read(i), new Ocellus.Vision.Images.ImageLimits(SideMin: 1));
            int label = model.Predict([image])[0].MaxBy(p => p.Score).Label;
            right += label == tested.Targets[i][0] ? 1 : 0;
            EvidenceMap map = model.Evidence(image);
            int best = Enumerable.Range(0, map.Rows * map.Columns).MaxBy(p => map.Values[(map.Rows + p / map.Columns) * map.Columns + p % map.Columns]);
            double x = (best % map.Columns + .5) / map.Columns / map.ShownWidth, y = (best / map.Columns + .5) / map.Rows / map.ShownHeight;
            shown += label == 1 && Math.Abs(x - where[i].X / 512.0) < .12 && Math.Abs(y - where[i].Y / 384.0) < .12 ? 1 : 0;
        }

        Assert.InRange(right, 17, 20);
        Assert.InRange(shown, 7, 10); // of the ten marked images
    }

    [Fact]
    public void The_user_is_told_what_was_tried_and_what_an_answer_costs()
    {
        (ClassifierTask task, _) = Marks(12);
        var plan = new ClassifierPlan
        {
            Threads = 2,
            Views = 0,
            FineTune = false,
            Search = new DesignSearch { TimeShare = 1, Steps = 20 },
            Head = new HeadPlan { FrozenSteps = 20 },
        };

        ClassifierResult result = ClassifierTrainer.Train(task, plan, cancel: TestContext.Current.CancellationToken);

        Assert.Contains($"The input is {result.Design.Input} pixels, chosen among 224×224 (", result.Remark, StringComparison.Ordinal);
        Assert.Matches(@"An answer takes about \d+ ms on one core\.", result.Remark!);
    }

    [Fact]
    public void Subjects_that_fill_the_image_keep_the_default_input()
    {
        var random = new Random(3);
        double[][] colours = [[220, 30, 30], [30, 200, 40]];
        byte[][] files = [.. Enumerable.Range(0, 20).Select(i => Png(colours[i % 2].Select(c => c + random.Next(-20, 20)).ToArray(), null))];
        var task = new ClassifierTask(DrawnScenes.Files(files), [.. Enumerable.Range(0, 20).Select(i => (IReadOnlyList<int>)[i % 2])], ["red", "green"], false);

        var search = new InputSearch(task, new ClassifierPlan { Threads = 2 }, new DesignSearch { Steps = 60 });
        var told = new System.Collections.Concurrent.ConcurrentQueue<(int Done, int Of)>();
        (ClassifierDesign chosen, IReadOnlyList<DesignTrial> trials) =
            search.Run(double.PositiveInfinity, () => 0, (done, of) => told.Enqueue((done, of)), TestContext.Current.CancellationToken);

        // It moves within each input, not only from one to the next.
        Assert.All(told, t => Assert.True(t.Of == 100 && t.Done is >= 0 and <= 100));
        Assert.True(told.Select(t => t.Done).Distinct().Count() > 3 * trials.Select(t => t.Design.Input).Distinct().Count());
        Assert.Equal(_small, chosen);
        Assert.Equal(1, trials.First(t => t.Design == _small).Score);
    }

    [Fact]
    public void A_short_time_for_answers_or_for_the_search_keeps_the_input_small()
    {
        (ClassifierTask task, _) = Marks(8);
        ClassifierPlan plan = new() { Threads = 2 };

        var quick = new InputSearch(task, plan, new DesignSearch { Steps = 10, AnswerTimeMax = TimeSpan.FromMilliseconds(1) });
        Assert.Single(Inputs(quick, double.PositiveInfinity, () => 0));

        var late = new InputSearch(task, plan, new DesignSearch { Steps = 10 });
        double now = 0;
        Assert.Single(Inputs(late, 5, () => now += 3));

        static IEnumerable<ClassifierInput> Inputs(InputSearch search, double seconds, Func<double> clock) =>
            search.Run(seconds, clock, (_, _) => { }, TestContext.Current.CancellationToken).Trials.Select(t => t.Design.Input).Distinct();
    }

    [Fact]
    public void Tried_images_have_the_labels_in_their_proportion_and_every_fold_has_all_labels()
    {
        var task = new ClassifierTask(
            DrawnScenes.Files(Enumerable.Range(0, 300).Select(_ => Array.Empty<byte>()).ToArray()),
            [.. Enumerable.Range(0, 300).Select(i => (IReadOnlyList<int>)[i % 3 == 0 ? 0 : 1])], ["few", "many"], MultiLabel: false);

        int[] subset = InputSearch.Subset(task, seed: 1, count: 60);
        int[] folds = InputSearch.Folds(task, subset, seed: 1, folds: 5);

        Assert.Equal(60, subset.Distinct().Count());
        Assert.Equal(20, subset.Count(i => task.Targets[i][0] == 0));
        Assert.Equal([4, 4, 4, 4, 4], Enumerable.Range(0, 5).Select(f => subset.Where((i, at) => folds[at] == f && task.Targets[i][0] == 0).Count()));
        Assert.Equal(subset, InputSearch.Subset(task, seed: 1, count: 60));
    }

    private static DesignTrial Trial(ClassifierDesign design, double[] errors) => new(design, 1 - errors.Average()) { Errors = errors };

    /// <summary>Grey images of 512 × 384 pixels, every other one with a red square of 7 pixels somewhere.</summary>
    private static (ClassifierTask Task, (int X, int Y)[] Places) Marks(int count, int seed = 5)
    {
        var random = new Random(seed);
        (int X, int Y)[] places = [.. Enumerable.Range(0, count).Select(_ => (random.Next(30, 470), random.Next(30, 340)))];
        byte[][] files = [.. Enumerable.Range(0, count).Select(i =>
        {
            double grey = random.Next(90, 160);
            return Png([grey, grey, grey], i % 2 == 1 ? places[i] : null);
        })];
        IReadOnlyList<int>[] targets = [.. Enumerable.Range(0, count).Select(i => (IReadOnlyList<int>)[i % 2])];
        return (new ClassifierTask(DrawnScenes.Files(files), targets, ["plain", "marked"], MultiLabel: false), places);
    }

    private static byte[] Png(double[] colour, (int X, int Y)? mark)
    {
        using Image black = Image.Black(512, 384, bands: 3), plain = black + colour;
        using Image bytes = plain.Cast(Enums.BandFormat.Uchar), image = bytes.Copy(interpretation: Enums.Interpretation.Srgb);
        if (mark is not var (x, y))
        {
            return image.PngsaveBuffer();
        }

        using Image marked = image.Mutate(m => m.DrawRect([230, 20, 20], x - 3, y - 3, 7, 7, fill: true));
        return marked.PngsaveBuffer();
    }
}
